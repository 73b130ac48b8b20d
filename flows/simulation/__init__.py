"""A lead walked through a flow without sending anything: by intake, engine, patterns and admission
themselves, in memory. Nothing is written, claimed, counted or asked."""
