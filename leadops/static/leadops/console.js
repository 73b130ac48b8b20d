// Shows of a form's parts those that its choices call for; rows that are added follow as well.
(function () {
    const RULES = [
        ["auth", {
            auth_name: ["api_key", "oauth2", "jwt", "login", "hmac"],
            auth_place: ["api_key", "oauth2", "jwt", "login"],
            auth_username: ["basic", "digest", "oauth2", "jwt", "login"],
            auth_secret: ["api_key", "bearer", "basic", "digest", "oauth2", "jwt", "login", "hmac"],
        }],
        ["format", {xml_root: ["xml"]}],
        ["kind", {when: ["regional"]}],
    ];

    function arrange(form) {
        for (const [name, parts] of RULES) {
            const select = form.querySelector(`select[name$="-${name}"]`);
            if (!select) continue;
            for (const [part, words] of Object.entries(parts)) {
                const input = form.querySelector(`[name$="-${part}"]`);
                const line = input && input.closest(".field-line");
                if (line) line.classList.toggle("leadops-hidden", !words.includes(select.value));
            }
        }
    }

    function all() {
        document.querySelectorAll("#endpoints-group .form-group").forEach(arrange);
    }

    document.addEventListener("DOMContentLoaded", all);
    document.addEventListener("change", all);
    document.addEventListener("formset:added", all);
})();
