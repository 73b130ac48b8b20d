// Draws the picture of retries anew while its values are edited; the server reckons it.
(function () {
    const NAMES = /^(csrfmiddlewaretoken$|retry_|endpoints-(TOTAL_FORMS|\d+-(kind|timeout))$)/;
    let timer = 0;
    let asked = 0;

    function values(form) {
        const picked = new URLSearchParams();
        for (const [name, value] of new FormData(form)) {
            if (NAMES.test(name) && typeof value === "string") picked.append(name, value);
        }
        return picked;
    }

    async function draw() {
        const picture = document.getElementById("leadops-retry-picture");
        const form = picture && picture.closest("form");
        if (!form) return;
        const mine = ++asked;
        picture.setAttribute("aria-busy", "true");
        try {
            const reply = await fetch(picture.dataset.url, {method: "POST", body: values(form)});
            if (reply.ok && mine === asked) picture.innerHTML = await reply.text();
        } catch (error) {
            // The page stays usable; the picture is drawn with the next change.
        }
        if (mine === asked) picture.removeAttribute("aria-busy");
    }

    function soon(event) {
        if (event.target.name && !NAMES.test(event.target.name)) return;
        clearTimeout(timer);
        timer = setTimeout(draw, 250);
    }

    document.addEventListener("input", soon);
    document.addEventListener("change", soon);
    document.addEventListener("formset:added", soon);
    document.addEventListener("formset:removed", soon);
})();
