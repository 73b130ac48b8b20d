// Shows the options of what is chosen: the integration, or the kind of authentication.
(function () {
    "use strict";

    // The select beside the options; blank there: the page's own.
    function chosen(part) {
        const {by, prefix} = part.dataset;
        const own = document.querySelector(`[name="${CSS.escape(prefix)}-${by}"]`);
        const page = document.querySelector(`[name="${by}"]`);
        return (own && own.value) || (page && page.value) || "";
    }

    function line(prefix, name) {
        const input = document.querySelector(`[name="${CSS.escape(prefix)}-${name}"]`);
        return [input, input && input.closest(".field-line")];
    }

    // A service that takes one format and method only is not asked about them.
    function settle(part, about) {
        const {prefix} = part.dataset;
        const url = line(prefix, "url")[0];
        if (url) url.placeholder = about.dataset.url || "";
        for (const name of ["format", "method"]) {
            const [input, row] = line(prefix, name);
            if (!input) continue;
            const fixed = about.dataset[name];
            if (row) row.classList.toggle("leadops-hidden", Boolean(fixed));
            if (fixed && input.value !== fixed) {
                input.value = fixed;
                input.dispatchEvent(new Event("change", {bubbles: true}));
            }
        }
    }

    // Options begin with the format that they are for; where one is chosen, others say nothing.
    const FORMATS = {
        json_: ["json"], xml_: ["xml"], form_: ["form", "query", "csv"], csv_: ["csv"],
    };

    function fits(part, row) {
        const format = line(part.dataset.prefix, "format")[0];
        const begins = ((row.dataset.option || "").match(/^[a-z]+_/) || [""])[0];
        if (!format || !FORMATS[begins] || row.querySelector(".leadops-wrong")) return true;
        return FORMATS[begins].includes(format.value);
    }

    function arrange(part) {
        const word = chosen(part);
        for (const row of part.querySelectorAll(":scope > [data-for]")) {
            row.hidden = !row.dataset.for.split(" ").includes(word) || !fits(part, row);
            if (!row.hidden && "url" in row.dataset && part.dataset.by === "integration") settle(part, row);
        }
    }

    function all() {
        document.querySelectorAll(".leadops-options").forEach(arrange);
    }

    document.addEventListener("DOMContentLoaded", all);
    document.addEventListener("formset:added", all);
    document.addEventListener("change", (event) => {
        if (/(^|-)(integration|auth|format|kind)$/.test(event.target.name || "")) all();
    });
})();
