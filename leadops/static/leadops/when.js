// Conditions of one line: a button opens the rules editor, and what it says comes back as JSON.
(function () {
    "use strict";
    const {within, el} = window.leadopsRules;

    function isRule(text) {
        try {
            const found = JSON.parse(text);
            return Boolean(found) && typeof found === "object";
        } catch {
            return false;
        }
    }

    function open(box) {
        const input = box.querySelector("input");
        const text = input.value.trim();
        const place = el("div", {});
        const use = el("button", {type: "button", className: "leadops-button"}, "Use these rules");
        const leave = el("button", {type: "button", className: "leadops-button"}, "Leave it as it is");
        const dialog = el("dialog", {className: "leadops-when-dialog", ariaLabel: "The row is sent when"},
            el("h3", {}, "The row is sent when"), place, el("div", {className: "leadops-when-ends"}, use, leave));
        if (text && !/^[{]/.test(text) && !/^(all|any|not|field)\s*:/.test(text)) {
            place.append(el("p", {className: "leadops-warning"}, `An expression stands there now: ${text}. Rules take its place.`));
        }
        input.form.append(dialog); // within the form: the editor sends its token
        const editor = within(place, isRule(text) || /^([{]|(all|any|not|field)\s*:)/.test(text) ? text : "", box.dataset, () => {});
        use.addEventListener("click", () => {
            const said = editor.area.value.trim();
            input.value = isRule(said) ? JSON.stringify(JSON.parse(said)) : said.replace(/\s*\n\s*/g, " ");
            for (const kind of ["input", "change"]) input.dispatchEvent(new Event(kind, {bubbles: true}));
            dialog.close();
        });
        leave.addEventListener("click", () => dialog.close());
        dialog.addEventListener("close", () => {
            dialog.remove();
            input.focus();
        });
        // What is typed here is no change of the page's form.
        for (const kind of ["input", "change"]) dialog.addEventListener(kind, event => event.stopPropagation());
        dialog.showModal();
    }

    document.addEventListener("click", event => {
        const button = event.target.closest(".leadops-when > button");
        if (button) open(button.closest(".leadops-when"));
    });
})();
