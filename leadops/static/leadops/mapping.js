// The mapping editor: the request follows what is typed, the catalogue writes at the cursor.
(function () {
    const PAUSE = 350; // milliseconds without typing before the request is made anew
    const form = document.getElementById("mapping-form");
    if (!form) return;
    const byId = id => document.getElementById(id);
    const field = name => form.querySelector(`[name="${name}"]`);
    const rows = () => [...form.querySelectorAll("#mapping-list > .leadops-maprow")];
    const shownRows = () => rows().filter(row => !row.hidden);
    const way = () => form.querySelector("[name=way]:checked").value;

    function say(text) {
        byId("mapping-said").textContent = text;
    }

    async function post(part, control, more = {}) {
        const data = new FormData(form);
        for (const [name, value] of Object.entries(more)) data.set(name, value);
        const answer = await fetch(form.dataset.url, {
            method: "POST", body: data, signal: control.signal, headers: {"X-Leadops-Part": part},
        });
        if (answer.redirected) throw new Error("somebody else is signed in");
        return answer;
    }

    // --- the preview

    let waiting, under;
    function later() {
        clearTimeout(waiting);
        waiting = setTimeout(preview, PAUSE);
    }

    async function preview() {
        clearTimeout(waiting);
        if (under) under.abort();
        const control = under = new AbortController();
        byId("mapping-shown").classList.add("leadops-waiting");
        try {
            const answer = await post("preview", control);
            if (!answer.ok) throw new Error(`status ${answer.status}`);
            const text = await answer.text();
            if (under !== control) return;
            byId("mapping-shown").innerHTML = text;
            byId("mapping-shown").classList.remove("leadops-waiting");
            say("");
            mark();
        } catch (error) {
            if (error.name !== "AbortError") say(`No preview: ${error.message}.`);
        }
    }

    // Puts each problem where it is: at its row, or under the text.
    function mark() {
        for (const box of form.querySelectorAll(".leadops-said")) box.replaceChildren();
        for (const box of form.querySelectorAll(".leadops-wrong, .leadops-doubtful")) {
            box.classList.remove("leadops-wrong", "leadops-doubtful");
            box.removeAttribute("aria-invalid");
        }
        for (const problem of form.querySelectorAll("#mapping-shown [data-problem]")) {
            const place = placeOf(problem);
            if (!place) continue;
            const warns = problem.dataset.kind === "warning";
            const line = document.createElement("p");
            line.className = warns ? "leadops-warning" : "leadops-error";
            const where = Number(problem.dataset.line) ? ` (line ${problem.dataset.line}, column ${problem.dataset.column})` : "";
            line.textContent = problem.dataset.text + where;
            place.querySelector(".leadops-said").append(line);
            const input = inputOf(problem, place);
            if (!input) continue;
            input.classList.add(warns ? "leadops-doubtful" : "leadops-wrong");
            if (!warns) input.setAttribute("aria-invalid", "true");
        }
    }

    function placeOf(problem) {
        const {row, field: name} = problem.dataset;
        if (row) return form.querySelector(`#mapping-list > [data-row="${row}"]`);
        return name === "mapping_text" ? byId("mapping-as-text") : null;
    }

    function inputOf(problem, place) {
        if (place.id === "mapping-as-text") return place.querySelector("textarea");
        const box = place.querySelector(`[data-field="${problem.dataset.field}"]`);
        return box && box.querySelector("input, textarea");
    }

    // Line and column count from 1.
    function go(problem) {
        const place = placeOf(problem);
        const input = place && inputOf(problem, place);
        if (!input) return;
        const lines = input.value.split("\n");
        const before = lines.slice(0, Number(problem.dataset.line) - 1).join("\n");
        const at = (before ? before.length + 1 : 0) + Number(problem.dataset.column) - 1;
        input.focus();
        input.setSelectionRange(at, at);
    }

    function mend(path, by) {
        const bare = by.replace(/^lead\./, "");
        for (const input of form.querySelectorAll("#mapping-list textarea, #mapping-list input[type=text], #mapping-as-text textarea")) {
            if (input.value.includes(path)) input.value = input.value.replaceAll(path, by);
            else input.value = input.value.replaceAll(`{{${path.replace(/^lead\./, "")}}}`, `{{${bare}}}`);
        }
        preview();
    }

    // --- rows

    function number() {
        shownRows().forEach((row, place) => {
            row.querySelector("[name$=-position]").value = place;
        });
    }

    function add(key) {
        const total = field("mapping_rows-TOTAL_FORMS");
        const box = document.createElement("div");
        box.innerHTML = byId("mapping-new").innerHTML.replaceAll("__prefix__", total.value);
        const row = box.firstElementChild;
        total.value = Number(total.value) + 1;
        byId("mapping-list").append(row);
        number();
        row.querySelector("[name$=-key]").value = key || "";
        const next = row.querySelector(key ? "[name$=-value]" : "[name$=-key]");
        next.focus();
        last = next;
    }

    function move(row, to) {
        const there = shownRows();
        const other = there[there.indexOf(row) + (to === "up" ? -1 : 1)];
        if (to === "out") {
            row.querySelector("[name$=-DELETE]").checked = true;
            row.hidden = true;
            const next = other || there[there.indexOf(row) - 1];
            (next ? next.querySelector("[name$=-key]") : byId("mapping-add")).focus();
        } else if (other) {
            const focused = document.activeElement;
            if (to === "up") other.before(row);
            else other.after(row);
            focused.focus();
        }
        number();
        later();
    }

    async function toRows() {
        try {
            const answer = await post("rows", new AbortController());
            const box = document.createElement("div");
            box.innerHTML = await answer.text();
            const failed = box.querySelector("[data-failed]");
            if (failed) return say(failed.textContent);
            byId("mapping-rows").replaceChildren(...box.childNodes);
            form.querySelector("[name=way][value=rows]").checked = true;
            choose();
            number();
            preview();
        } catch (error) {
            say(`No rows could be made: ${error.message}.`);
        }
    }

    function choose() {
        byId("mapping-as-rows").hidden = way() !== "rows";
        byId("mapping-as-text").hidden = way() !== "text";
    }

    // --- the catalogue

    let last = null; // the box that was written in last
    form.addEventListener("focusin", event => {
        if (event.target.matches("#mapping-list input[type=text], #mapping-list textarea, #mapping-as-text textarea")) last = event.target;
    });

    function insert(item) {
        const {kind, insert: text, example} = item.dataset;
        if (kind === "key") return take(text);
        if (!last || !last.isConnected || last.closest("[hidden]") || last.name.endsWith("-key")) {
            const row = last && last.isConnected && last.closest(".leadops-maprow");
            if (row && !row.hidden) last = row.querySelector("[name$=-value]");
            else if (way() === "text") last = byId("mapping-as-text").querySelector("textarea");
            else {
                if (!shownRows().length) add("");
                last = shownRows().at(-1).querySelector("[name$=-value]");
            }
        }
        const written = kind === "call" ? (inside(last) ? `(${example.slice(2, -2)})` : example) : inside(last) ? text : `{{${text}}}`;
        last.setRangeText(written, last.selectionStart, last.selectionEnd, "end");
        last.focus();
        last.dispatchEvent(new Event("input", {bubbles: true}));
    }

    // A condition has no braces, and within a template they stand already.
    function inside(input) {
        if (input.name.endsWith("-when")) return true;
        const before = input.value.slice(0, input.selectionStart);
        return before.lastIndexOf("{{") > before.lastIndexOf("}}");
    }

    function take(key) {
        if (way() === "text") {
            last = byId("mapping-as-text").querySelector("textarea");
            const start = last.value && !last.value.endsWith("\n") ? "\n" : "";
            last.value += `${start}${key}: `;
            last.focus();
        } else {
            const there = shownRows().find(row => row.querySelector("[name$=-key]").value === key);
            if (there) there.querySelector("[name$=-value]").focus();
            else add(key);
        }
        later();
    }

    function search() {
        const words = byId("mapping-search").value.toLowerCase().split(/\s+/).filter(Boolean);
        let found = 0;
        for (const group of form.querySelectorAll(".leadops-group")) {
            let here = 0;
            for (const item of group.querySelectorAll(".leadops-item")) {
                const text = item.textContent.toLowerCase();
                item.hidden = !words.every(word => text.includes(word));
                here += item.hidden ? 0 : 1;
            }
            group.hidden = !here;
            found += here;
        }
        byId("mapping-nothing").hidden = found > 0;
    }

    function step(event) {
        const items = [...form.querySelectorAll(".leadops-item")].filter(item => !item.hidden);
        const at = items.indexOf(document.activeElement);
        const next = items[at + (event.key === "ArrowDown" ? 1 : -1)];
        event.preventDefault();
        (next || byId("mapping-search")).focus();
    }

    // --- the dry run, part by part

    let run;
    async function dryRun() {
        if (run) run.abort();
        const control = run = new AbortController();
        const table = byId("mapping-changes"), bar = byId("mapping-progress");
        table.hidden = true;
        table.tBodies[0].replaceChildren();
        byId("mapping-sums").textContent = "Trying…";
        let state = "", shown = 0;
        try {
            do {
                const answer = await post("run", control, {count: byId("mapping-count").value, state, shown});
                const found = await answer.json();
                if (run !== control) return;
                if (found.error) throw new Error(found.error);
                byId("mapping-sums").innerHTML = found.summary;
                table.tBodies[0].insertAdjacentHTML("beforeend", found.rows);
                shown += found.shown;
                table.hidden = !shown;
                bar.value = 100 * found.looked / found.wanted;
                state = found.state;
                bar.hidden = !state;
            } while (state);
        } catch (error) {
            if (error.name !== "AbortError") byId("mapping-sums").textContent = error.message;
            bar.hidden = true;
        }
    }

    // --- what happens

    form.addEventListener("click", event => {
        const target = event.target;
        const item = target.closest(".leadops-item");
        if (item) insert(item);
        if (target.dataset.move) move(target.closest(".leadops-maprow"), target.dataset.move);
        if (target.id === "mapping-add") add("");
        if (target.id === "mapping-to-rows") toRows();
        if (target.id === "mapping-run") dryRun();
        if (target.dataset.mend) mend(target.dataset.mend, target.dataset.by);
        if ("go" in target.dataset) go(target.closest("[data-problem]"));
        if (target.id === "mapping-show") {
            event.preventDefault();
            preview();
        }
    });

    form.addEventListener("input", event => {
        const target = event.target;
        if (target.id === "mapping-search") return search();
        if (target.id === "mapping-count") return;
        if (target.name === "way") choose();
        if (target.name === "lead") byId("mapping-paste").hidden = target.value !== "pasted";
        later();
    });

    form.addEventListener("keydown", event => {
        const target = event.target;
        const arrow = event.key === "ArrowUp" || event.key === "ArrowDown";
        const row = target.closest(".leadops-maprow");
        if (event.altKey && arrow && row) {
            event.preventDefault();
            move(row, event.key === "ArrowUp" ? "up" : "down");
        } else if (arrow && (target.matches(".leadops-item") || target.id === "mapping-search")) {
            step(event);
        } else if (event.key === "Enter" && target.matches("input")) {
            event.preventDefault(); // it would save
            if (target.id === "mapping-count") dryRun();
            if (target.id === "mapping-search") {
                const first = [...form.querySelectorAll(".leadops-item")].find(item => !item.hidden);
                if (first) insert(first);
            }
        }
    });

    byId("mapping-reading").addEventListener("toggle", event => {
        field("with_reading").value = event.target.open ? "1" : "";
        later();
    });

    number();
    mark();
})();
