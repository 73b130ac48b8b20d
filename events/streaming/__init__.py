"""The firehose: the record as it grows, sent to whoever keeps a connection open.

The web server judges a request and hands its connection over to one process apart, which serves
all streams of the machine; see docs/decisions/0014.
"""
