// The rules editor: rows and groups in place of a box of JSON, tried on recent leads.
// The rows are the state; what they say is written into the box, which is what the form sends.
(function () {
    "use strict";
    const PAUSE = 500; // milliseconds without a change before it is tried anew
    const KINDS = {all: "All", any: "Any", none: "None", notall: "Not all"};
    const ORDERED = ["lt", "lte", "gt", "gte", "between"];
    const NUMBER = /^-?(0|[1-9]\d{0,14})(\.\d{1,10})?$/;
    const MOST_CHIPS = 100;
    const DEEPEST = 8; // groups in groups; the server takes ten levels, `not` among them
    let made = 0;

    function el(tag, attrs, ...inside) {
        const element = document.createElement(tag);
        for (const [name, value] of Object.entries(attrs || {})) {
            if (name.startsWith("aria")) element.setAttribute(`aria-${name.slice(4).toLowerCase()}`, value);
            else if (name in element && name !== "list" && name !== "role") element[name] = value;
            else element.setAttribute(name, value);
        }
        element.append(...inside);
        return element;
    }

    // --- what may be offered, once for all editors about the same leads

    const asked = new Map();
    function offered(url, from) {
        const key = `${url}?about=${encodeURIComponent(from)}`;
        if (!asked.has(key)) {
            asked.set(key, fetch(key, {headers: {Accept: "application/json"}})
                .then(answer => answer.ok && !answer.redirected ? answer.json() : null).catch(() => null)
                .then(found => found || {fields: [], types: {}}));
        }
        return asked.get(key);
    }

    // Fields that stand on the same page and may not be saved yet.
    function written(types) {
        const found = [];
        for (const input of document.querySelectorAll('[name^="fields-"][name$="-name"]')) {
            const name = input.value.trim();
            if (!name || input.name.includes("__prefix__")) continue;
            const select = document.querySelector(`[name="${input.name.replace(/-name$/, "-type")}"]`);
            const type = types[select ? select.value : ""] || {kind: "text", label: "", parts: []};
            found.push({name, kind: type.kind, label: type.label, values: type.values || []});
            for (const part of type.parts) found.push({...part, name: `${name}.${part.name}`});
        }
        return found;
    }

    class Editor {
        constructor(box) {
            this.box = box;
            this.area = box.querySelector("textarea");
            this.text = box.querySelector(".leadops-rules-text");
            this.operators = JSON.parse(box.dataset.operators);
            this.takes = Object.fromEntries(this.operators.map(each => [each.op, each.takes]));
            this.fields = new Map();
            this.id = ++made;
            this.build();
            this.show(this.area.value) || this.choose(true);
            const problems = JSON.parse(box.dataset.problems || "[]");
            this.mark(problems);
            if (problems.length) box.dataset.marked = "1"; // they need not stand below once more
            if (box.dataset.url) offered(box.dataset.url, box.dataset.from).then(found => this.learn(found));
        }

        build() {
            this.rows = el("div", {className: "leadops-rules-rows"});
            this.names = el("datalist", {id: `leadops-rule-fields-${this.id}`});
            this.toggle = el("button", {type: "button", className: "leadops-button", ariaPressed: "false"}, "As text");
            this.tries = el("button", {type: "button", className: "leadops-button"}, "Try on recent leads");
            this.tries.hidden = !this.box.dataset.url;
            this.said = el("p", {className: "leadops-rules-said", role: "status"});
            this.found = el("div", {className: "leadops-rules-found"});
            this.found.hidden = true;
            this.box.append(this.rows, this.names, el("div", {className: "leadops-rules-bar"}, this.toggle, this.tries, this.said), this.found);
            const label = document.querySelector(`label[for="${CSS.escape(this.area.id)}"]`);
            this.rows.setAttribute("role", "group");
            this.rows.setAttribute("aria-label", label ? label.textContent.trim() : "Rules");
            this.toggle.addEventListener("click", () => this.turn());
            this.tries.addEventListener("click", () => this.open());
            this.rows.addEventListener("click", event => this.clicked(event));
            this.rows.addEventListener("keydown", event => this.pressed(event));
            this.rows.addEventListener("paste", event => this.pasted(event));
            for (const kind of ["input", "change"]) this.rows.addEventListener(kind, event => this.changed(event));
            this.rows.addEventListener("focusin", event => {
                if (event.target.matches(".leadops-rule-field")) this.offer();
            });
            this.area.addEventListener("input", () => this.text.hidden || this.later());
        }

        // --- what is offered

        learn(found) {
            this.given = found;
            this.offer();
            for (const rule of this.rows.querySelectorAll(".leadops-rule")) this.hint(rule);
        }

        offer() {
            const found = this.given || {fields: [], types: {}};
            const all = [...written(found.types), ...found.fields, ...JSON.parse(this.box.dataset.more || "[]")];
            const names = new Map(all.map(each => [each.name, each]));
            if (names.size === this.fields.size && [...names.keys()].every(name => this.fields.has(name))) return;
            this.fields = names;
            this.names.replaceChildren(...[...names.values()].map(each => el("option", {value: each.name, label: each.label || ""})));
        }

        kindOf(name) {
            const field = this.fields.get(name.trim().replace(/^lead\./, ""));
            return field || {kind: "text", values: []};
        }

        // What may be a slip, and the values to choose from.
        hint(rule) {
            const input = rule.querySelector(".leadops-rule-field");
            const name = input.value.trim().replace(/^lead\./, "");
            const known = !name || !this.fields.size || this.fields.has(name) || name.startsWith("appended.");
            const field = this.kindOf(name);
            const doubt = rule.querySelector(".leadops-rule-doubt");
            doubt.textContent = known ? "" : `No field is called ${name} here.`;
            const list = rule.querySelector("datalist");
            list.replaceChildren(...(field.values || []).map(value => el("option", {value})));
        }

        // --- from a document to rows

        // Shows what the text says; false where that is no rule that rows could show.
        show(text) {
            try {
                const document = text.trim() ? JSON.parse(text) : {};
                const root = this.root(document);
                this.rows.replaceChildren(root);
            } catch {
                return false;
            }
            this.choose(false);
            this.settle();
            return true;
        }

        root(document) {
            const words = document && typeof document === "object" && !Array.isArray(document) ? Object.keys(document) : null;
            if (!words) throw new Error("no rule");
            if (!words.length) return this.group("all", []);
            if (words.includes("field") || words.includes("op")) {
                const root = this.group("all", [document]);
                root.dataset.bare = "1";
                return root;
            }
            return this.node(document);
        }

        node(document) {
            const words = Object.keys(document);
            if (words.every(word => ["field", "op", "value"].includes(word))) return this.rule(document);
            if (words.length !== 1 || !["all", "any", "not"].includes(words[0])) throw new Error("no rule");
            const inner = document[words[0]];
            if (words[0] !== "not") return this.group(words[0], inner);
            const inside = Object.keys(inner);
            if (inside.length === 1 && Array.isArray(inner[inside[0]]) && ["all", "any"].includes(inside[0])) {
                return this.group(inside[0] === "any" ? "none" : "notall", inner[inside[0]]);
            }
            const group = this.group("none", [inner]);
            group.dataset.bare = "1";
            return group;
        }

        group(kind, children) {
            const select = el("select", {className: "leadops-rule-kind", ariaLabel: "How many of these must hold"},
                ...Object.entries(KINDS).map(([value, text]) => el("option", {value}, text)));
            select.value = kind;
            const list = el("div", {className: "leadops-rule-list"}, ...children.map(child => this.node(child)));
            return el("div", {className: "leadops-rule-group leadops-rule-part", role: "group"},
                el("div", {className: "leadops-rule-head"}, select, el("span", {}, "of these hold"), this.buttons("group")),
                list,
                el("p", {className: "leadops-rule-none leadops-none"}),
                el("p", {className: "leadops-rule-wrong"}),
                el("div", {className: "leadops-rule-add"},
                    el("button", {type: "button", "data-do": "rule"}, "Add rule"),
                    el("button", {type: "button", "data-do": "group"}, "Add group")));
        }

        rule(document) {
            const id = `leadops-rule-values-${++made}`;
            const field = el("input", {
                type: "text", className: "leadops-rule-field", placeholder: "Field", ariaLabel: "Field",
                list: this.names.id, spellcheck: false, autocomplete: "off", value: String(document.field ?? ""),
            });
            const op = el("select", {className: "leadops-rule-op", ariaLabel: "Operator"},
                ...this.operators.map(each => el("option", {value: each.op}, each.label)));
            if (document.op !== undefined && !(document.op in this.takes)) throw new Error("no operator");
            op.value = document.op ?? "is";
            const rule = el("div", {className: "leadops-rule leadops-rule-part"},
                el("div", {className: "leadops-rule-row"}, field, op, el("span", {className: "leadops-rule-value"}),
                    el("output", {className: "leadops-rule-count"}), this.buttons("rule")),
                el("datalist", {id}),
                el("p", {className: "leadops-rule-doubt leadops-warning"}),
                el("p", {className: "leadops-rule-wrong"}));
            const value = document.value;
            this.fill(rule, value === undefined || value === null ? [] : Array.isArray(value) ? value : [value]);
            return rule;
        }

        buttons(what) {
            const button = (word, sign, text) => el("button", {type: "button", "data-do": word, title: text, ariaLabel: text}, sign);
            return el("span", {className: "leadops-moves"},
                button("up", "↑", `Move ${what} up (Alt+↑)`), button("down", "↓", `Move ${what} down (Alt+↓)`),
                button("out", "×", `Remove ${what}`));
        }

        // --- values

        // The inputs that the operator calls for, with these values in them.
        fill(rule, values) {
            const op = rule.querySelector(".leadops-rule-op").value;
            const place = rule.querySelector(".leadops-rule-value");
            const list = rule.querySelector("datalist").id;
            const takes = this.takes[op];
            place.dataset.takes = takes;
            const input = (value, label) => this.input(value, label, list);
            if (takes === "none") place.replaceChildren();
            else if (takes === "two") place.replaceChildren(input(values[0], "From"), el("span", {}, "and"), input(values[1], "To"));
            else if (takes !== "several") {
                place.replaceChildren(input(values[0], takes === "pattern" ? "Pattern" : "Value"));
                if (takes === "pattern") place.firstChild.classList.add("leadops-code");
            } else if (values.length > MOST_CHIPS) {
                const area = el("textarea", {rows: 6, className: "leadops-code", ariaLabel: "Values, one a line", spellcheck: false});
                area.value = values.join("\n");
                area.dataset.was = JSON.stringify(values);
                area.dataset.shown = area.value;
                place.replaceChildren(area);
            } else {
                const typing = this.input(undefined, "Another value", list);
                typing.placeholder = values.length ? "" : "Values, Enter after each";
                place.replaceChildren(...values.map(value => this.chip(value)), typing);
            }
        }

        input(value, label, list) {
            const text = shown(value);
            const input = el("input", {type: "text", value: text, ariaLabel: label, placeholder: label, spellcheck: false, autocomplete: "off", list});
            if (value !== undefined) {
                input.dataset.was = JSON.stringify(value);
                input.dataset.shown = text;
            }
            return input;
        }

        chip(value) {
            const text = shown(value);
            return el("span", {className: "leadops-chip", "data-was": JSON.stringify(value)}, el("span", {}, text),
                el("button", {type: "button", "data-do": "unchip", ariaLabel: `Remove ${text}`, title: `Remove ${text}`}, "×"));
        }

        // What was typed becomes values of the list. Quotes keep a comma.
        take(input, whole) {
            const rule = input.closest(".leadops-rule");
            const texts = parts(input.value, whole);
            if (!texts.length) return false;
            const there = new Set([...rule.querySelectorAll(".leadops-chip")].map(chip => chip.dataset.was));
            for (const text of texts) {
                const chip = this.chip(this.typed(rule, text));
                if (there.has(chip.dataset.was)) continue;
                there.add(chip.dataset.was);
                input.before(chip);
            }
            input.value = "";
            input.placeholder = "";
            return true;
        }

        typed(rule, text) {
            const op = rule.querySelector(".leadops-rule-op").value;
            const {kind} = this.kindOf(rule.querySelector(".leadops-rule-field").value);
            const bare = text.trim();
            if (op === "matches") return text;
            if (NUMBER.test(bare) && (kind === "number" || ORDERED.includes(op))) return Number(bare);
            if (kind === "flag" && ["true", "false"].includes(bare.toLowerCase())) return bare.toLowerCase() === "true";
            return bare;
        }

        valueOf(rule) {
            const place = rule.querySelector(".leadops-rule-value");
            const takes = place.dataset.takes;
            const one = input => input.value === input.dataset.shown ? JSON.parse(input.dataset.was) : this.typed(rule, input.value);
            if (takes === "none") return undefined;
            if (takes === "two") return [...place.querySelectorAll("input")].map(one);
            if (takes !== "several") return one(place.querySelector("input"));
            const area = place.querySelector("textarea");
            if (area) {
                if (area.value === area.dataset.shown) return JSON.parse(area.dataset.was);
                return area.value.split("\n").filter(text => text.trim()).map(text => this.typed(rule, text));
            }
            const chips = [...place.querySelectorAll(".leadops-chip")].map(chip => JSON.parse(chip.dataset.was));
            const rest = parts(place.querySelector("input").value, false).map(text => this.typed(rule, text));
            return [...chips, ...rest];
        }

        valuesOf(rule) {
            const found = this.valueOf(rule);
            const values = found === undefined ? [] : Array.isArray(found) ? found : [found];
            return values.filter(value => value !== "");
        }

        // --- from rows to a document

        // The document, and where each part of the page stands in it.
        read() {
            const places = [];
            const walk = (part, path) => {
                places.push([path, part]);
                const at = step => path ? `${path}.${step}` : step;
                if (part.matches(".leadops-rule")) {
                    const value = this.valueOf(part);
                    const rule = {field: part.querySelector(".leadops-rule-field").value.trim(), op: part.querySelector(".leadops-rule-op").value};
                    return value === undefined ? rule : {...rule, value};
                }
                const {kind, children, bare} = this.partsOf(part);
                if (kind === "none" && bare) return {not: walk(children[0], at("not"))};
                if (kind === "none") return {not: {any: children.map((child, place) => walk(child, at(`not.any.${place}`)))}};
                if (kind === "notall") return {not: {all: children.map((child, place) => walk(child, at(`not.all.${place}`)))}};
                return {[kind]: children.map((child, place) => walk(child, at(`${kind}.${place}`)))};
            };
            const root = this.rows.firstElementChild;
            const {kind, children, bare} = this.partsOf(root);
            if (!children.length) return {document: null, places};
            if (kind === "all" && bare) {
                places.push(["", root]);
                return {document: walk(children[0], ""), places};
            }
            return {document: walk(root, ""), places};
        }

        partsOf(group) {
            const children = [...group.querySelector(":scope > .leadops-rule-list").children];
            const kind = group.querySelector(":scope > .leadops-rule-head > .leadops-rule-kind").value;
            return {kind, children, bare: group.dataset.bare === "1" && children.length === 1};
        }

        write() {
            const {document} = this.read();
            this.area.value = document ? pretty(document, 0) : "";
            this.area.dispatchEvent(new Event("input", {bubbles: true}));
            this.area.dispatchEvent(new Event("change", {bubbles: true}));
            this.settle();
            this.later();
        }

        // What follows from where things stand.
        settle() {
            for (const group of this.rows.querySelectorAll(".leadops-rule-group")) {
                const {children} = this.partsOf(group);
                const root = group === this.rows.firstElementChild;
                const none = group.querySelector(":scope > .leadops-rule-none");
                none.textContent = children.length ? "" : root ? "No rules: every lead passes." : "No rules in this group yet.";
                none.hidden = children.length > 0;
                group.querySelector(":scope > .leadops-rule-head > .leadops-moves").hidden = root;
                group.querySelector(":scope > .leadops-rule-head").hidden = root && !children.length;
                group.querySelector(':scope > .leadops-rule-add > [data-do="group"]').hidden = depth(group) >= DEEPEST;
            }
        }

        // --- what happens

        changed(event) {
            const {target} = event;
            const rule = target.closest(".leadops-rule");
            if (event.type === "change" && !target.matches("select")) return this.hintAt(rule, target);
            if (event.type === "input" && target.matches("select")) return;
            if (rule) this.clear(rule);
            else this.clear(target.closest(".leadops-rule-group"));
            if (target.matches(".leadops-rule-op")) this.refill(rule);
            else if (target.parentElement.dataset.takes === "several" && target.matches("input") && /[,;]$/.test(target.value)) this.take(target, false);
            this.write();
        }

        // Another operator keeps the values, and those that it has no place for are remembered.
        refill(rule) {
            const kept = JSON.parse(rule.dataset.values || "[]");
            const there = this.valuesOf(rule);
            const same = there.every((value, place) => JSON.stringify(value) === JSON.stringify(kept[place]));
            const values = same && kept.length > there.length ? kept : there;
            rule.dataset.values = JSON.stringify(values);
            this.fill(rule, values);
        }

        hintAt(rule, target) {
            if (!rule) return;
            if (target.matches(".leadops-rule-field")) this.hint(rule);
            if (target.parentElement.dataset.takes === "several" && target.matches("input") && this.take(target, false)) this.write();
        }

        clicked(event) {
            const button = event.target.closest("button[data-do]");
            if (!button) return;
            const part = button.closest(".leadops-rule-part");
            const word = button.dataset.do;
            if (word === "rule" || word === "group") this.add(part, word);
            else if (word === "unchip") {
                const place = button.closest(".leadops-rule-value");
                button.closest(".leadops-chip").remove();
                place.querySelector("input").focus();
                this.clear(part);
                this.write();
            } else this.move(part, word);
        }

        add(group, word, after) {
            const part = word === "rule" ? this.rule({}) : this.group("any", [{}]);
            if (after) after.after(part);
            else group.querySelector(":scope > .leadops-rule-list").append(part);
            this.clear(group);
            this.offer();
            this.write();
            part.querySelector(".leadops-rule-field").focus();
        }

        // Up and down through the rows as they are read, into groups and out of them.
        move(part, word) {
            if (part === this.rows.firstElementChild) return;
            const focused = document.activeElement;
            const outer = part.parentElement.closest(".leadops-rule-group");
            if (word === "out") {
                const next = part.nextElementSibling || part.previousElementSibling;
                part.remove();
                (next || outer).querySelector(next ? ".leadops-rule-field, select" : '[data-do="rule"]').focus();
                return this.write();
            }
            const up = word === "up";
            const beside = up ? part.previousElementSibling : part.nextElementSibling;
            if (beside && beside.matches(".leadops-rule-group") && part.matches(".leadops-rule")) {
                const list = beside.querySelector(":scope > .leadops-rule-list");
                if (up) list.append(part);
                else list.prepend(part);
            } else if (beside) {
                if (up) beside.before(part);
                else beside.after(part);
            } else if (outer !== this.rows.firstElementChild) {
                if (up) outer.before(part);
                else outer.after(part);
            }
            focused.focus();
            this.clearAll();
            this.write();
        }

        pressed(event) {
            const {target, key} = event;
            const part = target.closest(".leadops-rule-part");
            if (event.altKey && (key === "ArrowUp" || key === "ArrowDown")) {
                event.preventDefault();
                return this.move(part, key === "ArrowUp" ? "up" : "down");
            }
            if (!target.matches("input")) return;
            const listed = target.parentElement.dataset.takes === "several";
            if (key === "Backspace" && listed && !target.value) {
                const last = target.previousElementSibling;
                if (!last) return;
                event.preventDefault();
                last.remove();
                return this.write();
            }
            if (key !== "Enter") return;
            event.preventDefault(); // it would save
            if (listed && this.take(target, true)) return this.write();
            if (target.matches(".leadops-rule-field")) return part.querySelector(".leadops-rule-op").focus();
            const group = part.parentElement.closest(".leadops-rule-group");
            this.add(group, "rule", part);
        }

        // A column of a sheet, pasted into a list.
        pasted(event) {
            const {target} = event;
            const text = event.clipboardData.getData("text");
            if (!target.matches("input") || target.parentElement.dataset.takes !== "several" || !/[\n\t,;]/.test(text)) return;
            event.preventDefault();
            const part = target.closest(".leadops-rule");
            const values = [...this.valuesOf(part), ...parts(text, false).map(each => this.typed(part, each))];
            this.fill(part, [...new Map(values.map(value => [JSON.stringify(value), value])).values()]);
            this.write();
            part.querySelector(".leadops-rule-value input, .leadops-rule-value textarea").focus();
        }

        // --- text and rows

        choose(text) {
            this.text.hidden = !text;
            this.box.dataset.way = text ? "text" : "rows";
            this.rows.hidden = text;
            this.toggle.textContent = text ? "As rows" : "As text";
        }

        async turn() {
            this.said.textContent = "";
            if (this.text.hidden) {
                const {document} = this.read();
                if (document && !this.area.value.trim()) this.area.value = pretty(document, 0);
                this.choose(true);
                return this.area.focus();
            }
            if (this.show(this.area.value)) return this.learned();
            const found = await this.ask("read");
            if (!found) return;
            if (found.text !== undefined && this.show(found.text)) return this.learned();
            this.said.textContent = (found.problems || []).map(each => each.message).join("; ") || "This can be written as text alone.";
        }

        learned() {
            for (const rule of this.rows.querySelectorAll(".leadops-rule")) this.hint(rule);
            this.later();
        }

        // --- mistakes

        mark(problems) {
            this.clearAll();
            if (!this.text.hidden || !problems.length) return;
            const places = this.read().places.reverse(); // of two at one place the inner one
            for (const {path, message} of problems) {
                const inside = places.filter(([place]) => place === "" || path === place || path.startsWith(`${place}.`));
                const [at, part] = inside.sort((one, other) => other[0].length - one[0].length)[0] || ["", this.rows.firstElementChild];
                const rest = path.slice(at ? at.length + 1 : 0);
                const said = part.querySelector(":scope > .leadops-rule-wrong");
                said.textContent = [said.textContent, sentence(rest, message)].filter(Boolean).join(" ");
                for (const input of this.wrong(part, rest)) input.setAttribute("aria-invalid", "true");
            }
        }

        wrong(part, rest) {
            if (!part.matches(".leadops-rule")) return [];
            if (rest === "op") return part.querySelectorAll(".leadops-rule-op");
            if (rest === "field") return part.querySelectorAll(".leadops-rule-field");
            const inputs = [...part.querySelectorAll(".leadops-rule-value input, .leadops-rule-value textarea")];
            const place = Number(rest.split(".")[1]);
            const two = part.querySelector(".leadops-rule-value").dataset.takes === "two";
            return two && place >= 0 ? [inputs[place]] : inputs;
        }

        clear(part) {
            const said = part.querySelector(":scope > .leadops-rule-wrong");
            if (said) said.textContent = "";
            for (const input of part.querySelectorAll(":scope > .leadops-rule-row [aria-invalid]")) input.removeAttribute("aria-invalid");
        }

        clearAll() {
            for (const part of this.rows.querySelectorAll(".leadops-rule-part")) this.clear(part);
        }

        // --- tried on recent leads

        open() {
            this.found.hidden = false;
            this.try();
        }

        later() {
            if (this.found.hidden) return;
            this.found.classList.add("leadops-waiting");
            clearTimeout(this.waiting);
            this.waiting = setTimeout(() => this.try(), PAUSE);
        }

        async ask(part) {
            if (this.under) this.under.abort();
            const control = this.under = new AbortController();
            const form = this.area.form;
            const {from, judges, beside, url} = this.box.dataset;
            const data = new URLSearchParams({part, about: from, judges, rule: this.area.value});
            const near = beside && document.querySelector(`[name="${CSS.escape((this.area.name || this.box.dataset.name || "").replace(/[^-]+$/, beside))}"]`);
            if (near) data.set(beside, near.value);
            try {
                const answer = await fetch(url, {
                    method: "POST", body: data, signal: control.signal,
                    headers: {"X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value},
                });
                if (answer.redirected) throw new Error("somebody else is signed in");
                if (!answer.ok) throw new Error(`status ${answer.status}`);
                const found = await answer.json();
                return this.under === control ? found : null;
            } catch (error) {
                if (error.name !== "AbortError") this.said.textContent = `Not tried: ${error.message}.`;
                return null;
            }
        }

        async try() {
            clearTimeout(this.waiting);
            this.found.classList.add("leadops-waiting");
            const found = await this.ask("try");
            if (!found) return;
            this.said.textContent = "";
            this.found.classList.remove("leadops-waiting");
            this.mark(found.problems || []);
            this.count(found);
            this.found.replaceChildren(...this.told(found));
        }

        // Beside each rule, for how many leads it holds by itself.
        count(found) {
            const held = found.held || {};
            for (const output of this.rows.querySelectorAll(".leadops-rule-count")) {
                output.textContent = "";
                output.title = "";
            }
            if (!this.text.hidden || !found.looked) return;
            for (const [path, part] of this.read().places) {
                if (!part.matches(".leadops-rule") || !(path in held)) continue;
                const output = part.querySelector(".leadops-rule-count");
                output.textContent = `${held[path]}/${found.looked}`;
                output.title = `By itself it holds for ${held[path]} of ${found.looked} leads`;
            }
        }

        told(found) {
            if (found.problems) return [el("p", {className: "leadops-error"}, "It cannot be tried before it is correct: "
                + found.problems.map(each => (this.text.hidden ? "" : each.path && `${each.path}: `) + each.message).join("; "))];
            const parts = [el("p", {className: "leadops-rules-sum"}, el("strong", {}, found.sum), ` ${found.rest}`)];
            if (found.looked) {
                const bar = el("progress", {max: found.looked, value: found.passed, ariaLabel: "Leads that would pass"});
                parts.push(bar);
            }
            for (const note of found.notes) parts.push(el("p", {className: "leadops-none"}, note));
            if (found.decided.length) {
                parts.push(el("h4", {}, "What stops them"), el("ul", {className: "leadops-rules-decided"}, ...found.decided.map(each =>
                    el("li", {}, el("span", {className: "leadops-rules-number"}, String(each.count)), el("span", {}, each.text)))));
            }
            if (found.examples.length) {
                parts.push(el("h4", {}, "Of these, the newest"), el("ul", {className: "leadops-rules-examples"}, ...found.examples.map(each =>
                    el("li", {}, el("a", {className: "leadops-link leadops-mono", href: each.url, target: "_blank", rel: "noopener"}, each.id),
                        el("time", {dateTime: each.at}, each.when), el("span", {}, each.why)))));
            }
            return parts;
        }
    }

    function depth(group) {
        let found = 0;
        for (let at = group; at; at = at.parentElement.closest(".leadops-rule-group")) found += 1;
        return found;
    }

    function shown(value) {
        return value === undefined || value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    }

    function sentence(rest, message) {
        const place = /^value\.(\d+)$/.exec(rest);
        const text = place ? `Value ${Number(place[1]) + 1}: ${message}` : rest === "field" ? (message === "names a field" ? "Choose a field" : `The field ${message}`)
            : rest === "value" && /^[a-z]/.test(message) ? `The value ${message}` : message;
        return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
    }

    // The values in what was typed or pasted, parted by commas, semicolons, tabs and lines.
    function parts(text, whole) {
        const found = [];
        for (const match of text.matchAll(/\s*(?:"([^"]*)"|([^,;\t\n\r]+))\s*(?:[,;\t\n\r]+|$)/g)) {
            const part = (match[1] ?? match[2]).trim();
            if (part) found.push(part);
        }
        if (!found.length && whole && text.trim()) found.push(text.trim());
        return found;
    }

    // JSON with each single rule on a line of its own, as the server writes it.
    function pretty(node, level) {
        const pad = "  ".repeat(level);
        const [word] = Object.keys(node);
        const inner = node[word];
        if ((word === "all" || word === "any") && inner.length) {
            return `{"${word}": [\n${inner.map(child => `${pad}  ${pretty(child, level + 1)}`).join(",\n")}\n${pad}]}`;
        }
        if (word === "not" && line(node).length > 88) return `{"not": ${pretty(inner, level)}}`;
        return line(node);
    }

    function line(value) {
        if (Array.isArray(value)) return `[${value.map(line).join(", ")}]`;
        if (value === null || typeof value !== "object") return JSON.stringify(value);
        return `{${Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${line(each)}`).join(", ")}}`;
    }

    function all() {
        for (const box of document.querySelectorAll(".leadops-rules:not([data-ready])")) {
            const area = box.querySelector("textarea");
            if (area.name.includes("__prefix__")) continue; // the pattern that rows are added from
            box.dataset.ready = "1";
            new Editor(box);
        }
    }

    // An editor where a script needs one: for `text`, with what another box knows of its leads.
    // `changed` hears of every change.
    function within(place, text, data, changed) {
        const area = el("textarea", {value: text, spellcheck: false, rows: 4, className: "leadops-code", ariaLabel: "Rules as text"});
        const box = el("div", {className: "leadops-rules", "data-ready": "1"}, el("div", {className: "leadops-rules-text"}, area));
        for (const name of ["from", "judges", "beside", "url", "operators", "more", "name"]) box.dataset[name] = data[name] || "";
        place.append(box);
        area.addEventListener("input", () => changed(area.value));
        return new Editor(box);
    }

    window.leadopsRules = {within, el, pretty};
    document.addEventListener("DOMContentLoaded", all);
    document.addEventListener("formset:added", all);
})();
