// The page as a whole: filters to list, theme, keys and print.
const PRINTED = 200;

const update = () => {
  const found = filtered();
  list.show(found, termsOf(controls.query.value));
  const all = found.length === rows.length;
  control("found").textContent = found.length
    ? `${number(found.length)}${all ? "" : ` of ${number(rows.length)}`} responses`
    : "No response matches. Clear the filters to see all.";
  control("clear").hidden = all;
};

document.documentElement.classList.add("script");
fillControls();
update();
setTimeout(foldAhead, 0, 0);
setTimeout(() => rows.length && rankOf(rows[0]), 200);

for (const element of Object.values(controls)) element.addEventListener("input", update);
control("clear").addEventListener("click", () => {
  setFilters({ order: controls.order.value });
  update();
  controls.query.focus();
});
for (const button of document.querySelectorAll("button.show")) {
  button.addEventListener("click", () => {
    setFilters(JSON.parse(button.dataset.filters));
    update();
    const section = control("responses");
    section.scrollIntoView();
    section.focus({ preventScroll: true });
  });
}

const THEMES = { auto: "light", light: "dark", dark: "auto" };
control("theme").addEventListener("click", (event) => {
  const theme = THEMES[document.documentElement.dataset.theme ?? "auto"];
  document.documentElement.dataset.theme = theme;
  event.currentTarget.textContent = `Theme: ${theme}`;
});

addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, select, textarea, dialog");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  controls.query.focus();
});

// On paper the rows in sight are worth nothing: print the first that match, in full.
addEventListener("beforeprint", () => {
  const printed = control("printed");
  const some = list.found.slice(0, PRINTED);
  const rest = list.found.length - some.length;
  const intro = rest ? `The first ${some.length} of ${number(list.found.length)} responses that match.` : "";
  printed.replaceChildren(
    make("p", "muted", intro),
    ...some.map((row) => {
      const article = make("article");
      article.append(...entry(row, []));
      return article;
    }),
  );
});
addEventListener("afterprint", () => control("printed").replaceChildren());
