// Caps and prices as rows: an amount, what it is, when it counts, and a rules editor for the leads
// that it is about. What the rows say is written into the box, which is what the form sends.
(function () {
    "use strict";
    const {within, el, pretty} = window.leadopsRules;
    const WHOLE = /^\d{1,10}$/;

    class Rows {
        constructor(box) {
            this.box = box;
            this.area = box.querySelector("textarea");
            this.text = box.querySelector(".leadops-terms-text");
            this.terms = JSON.parse(box.dataset.terms);
            this.box.dataset.name = this.area.name;
            this.build();
            this.show(this.area.value) || this.choose(true);
            const problems = JSON.parse(box.dataset.problems || "[]");
            this.mark(problems);
            if (problems.length && this.text.hidden) box.dataset.marked = "1";
        }

        build() {
            const label = document.querySelector(`label[for="${CSS.escape(this.area.id)}"]`);
            this.rows = el("div", {className: "leadops-terms-rows", role: "group"});
            this.rows.setAttribute("aria-label", label ? label.textContent.trim() : this.terms.noun);
            this.none = el("p", {className: "leadops-none"}, this.terms.none);
            this.adds = el("button", {type: "button", className: "leadops-button"}, `Add ${this.terms.noun}`);
            this.toggle = el("button", {type: "button", className: "leadops-button"}, "As text");
            this.said = el("p", {className: "leadops-rules-said", role: "status"});
            this.box.append(this.rows, this.none, el("div", {className: "leadops-rules-bar"}, this.adds, this.toggle, this.said));
            this.adds.addEventListener("click", () => this.add());
            this.toggle.addEventListener("click", () => this.turn());
            this.rows.addEventListener("click", event => this.clicked(event));
            this.rows.addEventListener("keydown", event => this.pressed(event));
            for (const kind of ["input", "change"]) {
                this.rows.addEventListener(kind, event => event.target.closest(".leadops-terms-row") && this.write(event));
            }
        }

        // Shows what the text says; false where rows could not.
        show(text) {
            try {
                const list = text.trim() ? JSON.parse(text) : [];
                if (!Array.isArray(list)) throw new Error("no list");
                const made = list.map(each => this.row(each));
                this.rows.replaceChildren(...made.map(([part]) => part));
                for (const [part, when] of made) if (when) this.open(part, when);
            } catch {
                return false;
            }
            this.choose(false);
            this.settle();
            return true;
        }

        // The row of a document, and its rules where it has some.
        row(document) {
            const {keys, choices} = this.terms;
            const known = [...keys.map(([key]) => key), ...choices.map(each => each.name), "when"];
            if (Object.keys(document).some(word => !known.includes(word))) throw new Error("unknown word");
            const found = keys.filter(([key]) => key in document);
            if (found.length > 1) throw new Error("two amounts");
            const [key] = found[0] || keys[0];
            const chosen = el("select", {className: "leadops-terms-key", ariaLabel: "What it is"}, ...keys.map(([value, label]) => el("option", {value}, label)));
            chosen.value = key;
            const amount = el("input", {type: "text", className: "leadops-terms-amount", ariaLabel: "Amount", inputMode: "decimal", autocomplete: "off", value: String(document[key] ?? "")});
            const further = choices.map(each => this.choice(each, document[each.name]));
            const button = (word, sign, text) => el("button", {type: "button", "data-do": word, title: text, ariaLabel: text}, sign);
            const {noun} = this.terms;
            const part = el("div", {className: "leadops-terms-row", role: "group", ariaLabel: noun},
                el("div", {className: "leadops-terms-line"}, chosen, amount, ...further,
                    el("button", {type: "button", className: "leadops-terms-which", "data-do": "which", ariaExpanded: "false"}, "Every lead"),
                    el("span", {className: "leadops-moves"}, button("up", "↑", `Move ${noun} up (Alt+↑)`), button("down", "↓", `Move ${noun} down (Alt+↓)`), button("out", "×", `Remove ${noun}`))),
                el("p", {className: "leadops-rule-wrong"}),
                el("div", {className: "leadops-terms-when", hidden: true}));
            const when = document.when;
            return [part, when && Object.keys(when).length ? when : null];
        }

        choice(each, value) {
            const attrs = {"data-name": each.name, ariaLabel: each.label, title: each.label};
            if (!each.options.length) return el("input", {...attrs, type: "text", placeholder: each.placeholder, spellcheck: false, value: value ?? ""});
            const select = el("select", attrs, ...each.options.map(([word, label]) => el("option", {value: word}, label)));
            if (value !== undefined && !each.options.some(([word]) => word === value)) select.append(el("option", {value}, String(value)));
            select.value = value ?? each.options[0][0];
            return select;
        }

        open(part, when) {
            const place = part.querySelector(".leadops-terms-when");
            if (!place.firstChild) {
                place.append(el("p", {className: "leadops-none"}, "Only for leads of which"));
                part.editor = within(place, when ? pretty(when, 0) : "", this.box.dataset, () => this.write());
            }
            place.hidden = false;
            const button = part.querySelector(".leadops-terms-which");
            button.setAttribute("aria-expanded", "true");
            this.settle();
        }

        // The list, as its rows say it. What is no rule yet stays as the text that it is.
        read() {
            return [...this.rows.children].map(part => {
                const key = part.querySelector(".leadops-terms-key").value;
                const text = part.querySelector(".leadops-terms-amount").value.trim();
                const found = {[key]: this.terms.whole.includes(key) && WHOLE.test(text) ? Number(text) : text};
                for (const input of part.querySelectorAll(":scope > .leadops-terms-line > [data-name]")) {
                    const value = input.value.trim();
                    if (value) found[input.dataset.name] = value;
                }
                const rule = part.editor ? part.editor.area.value.trim() : "";
                if (rule) found.when = asRule(rule);
                return found;
            });
        }

        write(event) {
            if (event) event.target.closest(".leadops-terms-row").querySelector(":scope > .leadops-rule-wrong").textContent = "";
            const list = this.read();
            this.area.value = list.length ? `[\n${list.map(each => `  ${JSON.stringify(each)}`).join(",\n")}\n]` : "";
            this.area.dispatchEvent(new Event("input", {bubbles: true}));
            this.area.dispatchEvent(new Event("change", {bubbles: true}));
            this.settle();
        }

        settle() {
            this.none.hidden = this.rows.children.length > 0 || !this.text.hidden;
            for (const part of this.rows.children) {
                const ruled = part.editor && part.editor.area.value.trim();
                part.querySelector(".leadops-terms-which").textContent = ruled ? "Some leads" : "Every lead";
            }
        }

        add() {
            const [part] = this.row({});
            this.rows.append(part);
            this.write();
            part.querySelector(".leadops-terms-amount").focus();
        }

        clicked(event) {
            const button = event.target.closest("button[data-do]");
            const part = button && button.closest(".leadops-terms-row");
            if (!part || !button.closest(".leadops-terms-line")) return;
            const word = button.dataset.do;
            if (word !== "which") return this.move(part, word);
            const place = part.querySelector(".leadops-terms-when");
            if (place.hidden) this.open(part);
            else place.hidden = true;
            button.setAttribute("aria-expanded", String(!place.hidden));
        }

        move(part, word) {
            const next = word === "up" ? part.previousElementSibling : part.nextElementSibling;
            const focused = document.activeElement;
            if (word === "out") {
                const beside = part.nextElementSibling || part.previousElementSibling;
                part.remove();
                (beside ? beside.querySelector(".leadops-terms-amount") : this.adds).focus();
            } else if (next) {
                if (word === "up") next.before(part);
                else next.after(part);
                focused.focus();
            }
            this.write();
        }

        pressed(event) {
            const line = event.target.closest(".leadops-terms-line");
            if (!line) return;
            if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
                event.preventDefault();
                this.move(line.parentElement, event.key === "ArrowUp" ? "up" : "down");
            } else if (event.key === "Enter" && event.target.matches("input")) event.preventDefault(); // it would save
        }

        mark(problems) {
            if (!this.text.hidden) return;
            for (const {path, message} of problems) {
                const [place, ...rest] = path.split(".");
                const part = this.rows.children[Number(place)];
                if (!part) continue;
                if (rest[0] === "when" && part.editor) part.editor.mark([{path: rest.slice(1).join("."), message}]);
                else part.querySelector(":scope > .leadops-rule-wrong").textContent = `${message}.`;
            }
        }

        choose(text) {
            this.text.hidden = !text;
            this.rows.hidden = this.adds.hidden = text;
            this.box.dataset.way = text ? "text" : "rows";
            this.toggle.textContent = text ? "As rows" : "As text";
            this.none.hidden = text || this.rows.children.length > 0;
        }

        turn() {
            this.said.textContent = "";
            if (this.text.hidden) {
                this.choose(true);
                return this.area.focus();
            }
            if (!this.show(this.area.value)) this.said.textContent = "Rows can show JSON alone. What stands here is read when it is saved.";
        }
    }

    function asRule(text) {
        try {
            return JSON.parse(text);
        } catch {
            return text;
        }
    }

    function all() {
        for (const box of document.querySelectorAll(".leadops-terms:not([data-ready])")) {
            if (box.querySelector("textarea").name.includes("__prefix__")) continue; // the pattern that cards are added from
            box.dataset.ready = "1";
            new Rows(box);
        }
    }

    document.addEventListener("DOMContentLoaded", all);
    document.addEventListener("formset:added", all);
})();
