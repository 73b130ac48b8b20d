// "From a sample": a click on a value writes its rule, and every change is tried at once.
(function () {
    const PAUSE = 300; // milliseconds without typing before rules are tried
    const ORDER = ["success", "price_path", "lead_id_path", "message_path", "reason_path"];
    const WORDS = {
        success: "success", price_path: "price", lead_id_path: "lead id",
        message_path: "message", reason_path: "reason", fallback_price: "fallback price",
    };
    const form = document.getElementById("sample-form");
    if (!form) return;
    const field = name => form.querySelector(`[name="${name}"]`);
    const under = {}; // requests on their way, by the part that they bring

    async function load(part) {
        if (under[part]) under[part].abort();
        const control = under[part] = new AbortController();
        try {
            const answer = await fetch(form.dataset.url, {
                method: "POST", body: new FormData(form), signal: control.signal,
                headers: {"X-Leadops-Part": part},
            });
            if (!answer.ok || answer.redirected) throw new Error(`status ${answer.status}`);
            const text = await answer.text();
            if (under[part] === control) document.getElementById(`sample-${part}`).innerHTML = text;
        } catch (error) {
            if (error.name !== "AbortError") say(`This could not be tried: ${error.message}. Is somebody else signed in?`);
        }
    }

    function say(text) {
        document.getElementById("sample-said").textContent = text;
    }

    let waiting;
    function later(show) {
        clearTimeout(waiting);
        waiting = setTimeout(async () => {
            if (show) await load("reply");
            mark();
            await load("trial");
        }, PAUSE);
    }

    // --- what is clicked

    function role() {
        return form.querySelector("[name=_role]:checked").value;
    }

    function take(value) {
        const chosen = role();
        const {path, condition, reasons, name, label} = value.dataset;
        if ((chosen === "success" || chosen === "rule") && !condition) {
            return say(`No condition can be written for ${label}.`);
        }
        if (chosen === "capture") keep(name, path);
        else if (chosen === "rule") add(condition, document.getElementById("sample-outcome").value);
        else field(chosen).value = {success: condition, reason_path: reasons}[chosen] || path;
        say(`${label} is taken.`);
        advance(chosen);
        later(false);
        mark();
    }

    function advance(chosen) {
        const next = ORDER[ORDER.indexOf(chosen) + 1];
        if (ORDER.includes(chosen) && next) form.querySelector(`[name=_role][value=${next}]`).checked = true;
    }

    // One line of YAML; a name that is kept already gets the new path.
    function keep(name, path) {
        const box = field("capture");
        const lines = box.value.split("\n").filter(line => line.trim() && line.trim() !== "{}");
        const others = lines.filter(line => !line.startsWith(`${name}:`));
        box.value = [...others, `${name}: ${JSON.stringify(path)}`].join("\n");
    }

    function add(condition, outcome) {
        const total = field("rules-TOTAL_FORMS");
        const number = Number(total.value);
        const template = document.getElementById("sample-rule");
        const box = document.createElement("div");
        box.innerHTML = template.innerHTML.replaceAll("__prefix__", number);
        document.getElementById("sample-added").append(...box.children);
        total.value = number + 1;
        field(`rules-${number}-when`).value = condition;
        if (outcome) field(`rules-${number}-outcome`).value = outcome;
        if (!condition) field(`rules-${number}-when`).focus();
    }

    // --- what the values stand for

    function mark() {
        for (const value of form.querySelectorAll(".leadops-value")) {
            const {path, condition, reasons} = value.dataset;
            const found = [];
            for (const [name, word] of Object.entries(WORDS)) {
                const text = field(name).value.trim();
                const wanted = {success: condition, reason_path: reasons}[name] || path;
                if (text && text === wanted) found.push(word);
            }
            if (field("capture").value.includes(JSON.stringify(path))) found.push("kept");
            for (const when of form.querySelectorAll("[name$=-when]")) {
                if (condition && when.value === condition) {
                    found.push(field(when.name.replace("-when", "-outcome")).value);
                }
            }
            value.classList.toggle("leadops-chosen", found.length > 0);
            value.nextElementSibling.replaceChildren(...found.map(word => {
                const badge = document.createElement("span");
                badge.textContent = word;
                return badge;
            }));
        }
    }

    form.addEventListener("click", event => {
        const value = event.target.closest(".leadops-value");
        if (value) take(value);
        if (event.target.id === "sample-add") add("", "");
    });

    form.addEventListener("input", event => {
        const name = event.target.name;
        if (!name || name === "_role") return;
        if (name === "recorded") {
            document.getElementById("sample-paste").hidden = Boolean(event.target.value);
            if (!event.target.value) field("body").focus();
        }
        later(["recorded", "body", "status", "headers"].includes(name));
    });

    // Enter in a line would use the rules; somebody who edits one wants to see it tried.
    form.addEventListener("keydown", event => {
        if (event.key === "Enter" && event.target.matches("input")) event.preventDefault();
    });

    mark();
})();
