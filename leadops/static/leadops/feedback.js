// What goes out to a source follows what is typed; of its settings only those show that say something.
(function () {
    "use strict";
    const PAUSE = 350; // milliseconds without typing before it is made anew

    document.addEventListener("DOMContentLoaded", () => {
        const shown = document.getElementById("feedback-preview");
        const form = shown && shown.closest("form");
        const template = form && form.querySelector("[name=feedback_template]");
        if (!template) return;
        const value = name => form.querySelector(`[name=${name}]`).value;

        function toggle(name, wanted) {
            const line = form.querySelector(`[name=${name}]`).closest(".field-line");
            if (line) line.classList.toggle("leadops-hidden", !wanted);
        }

        function arrange() {
            const summary = value("feedback_mode") === "summary";
            for (const name of ["feedback_every", "feedback_at", "feedback_timezone"]) toggle(name, summary);
            for (const name of ["feedback_url", "feedback_secret"]) toggle(name, !summary);
            toggle("feedback_xml_root", value("feedback_format") === "xml");
        }

        let waiting, under;
        function later() {
            clearTimeout(waiting);
            waiting = setTimeout(preview, PAUSE);
        }

        async function preview() {
            if (under) under.abort();
            const control = under = new AbortController();
            shown.classList.add("leadops-waiting");
            try {
                const answer = await fetch(shown.dataset.url, {method: "POST", body: new FormData(form), signal: control.signal});
                if (!answer.ok || answer.redirected) throw new Error(`status ${answer.status}`);
                const text = await answer.text();
                if (under !== control) return;
                shown.innerHTML = text;
                mark();
            } catch (error) {
                if (error.name === "AbortError") return;
                shown.textContent = `No preview: ${error.message}.`;
            }
            shown.classList.remove("leadops-waiting");
        }

        function mark() {
            if (shown.querySelector("[data-go]")) template.setAttribute("aria-invalid", "true");
            else template.removeAttribute("aria-invalid");
        }

        // Line and column count from 1.
        function go({line, column}) {
            const before = template.value.split("\n").slice(0, Number(line) - 1);
            const at = before.reduce((sum, each) => sum + each.length + 1, 0) + Number(column) - 1;
            template.focus();
            template.setSelectionRange(at, at);
        }

        function changed(event) {
            if (!(event.target.name || "").startsWith("feedback_")) return;
            arrange();
            later();
        }

        form.addEventListener("input", changed);
        form.addEventListener("change", changed);
        shown.addEventListener("click", event => {
            if ("go" in event.target.dataset) go(event.target.closest("[data-line]").dataset);
        });
        arrange();
    });
})();
