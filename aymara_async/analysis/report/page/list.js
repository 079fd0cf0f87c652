// A list of which only the rows in sight exist; they are as high as each other and placed by the window's scroll.
const make = (tag, className, content) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (content !== undefined) element.textContent = content;
  return element;
};

const signed = (className, sign, label) => {
  const element = make("span", className);
  const mark = make("span", "", sign);
  mark.setAttribute("aria-hidden", "true");
  element.append(mark, ` ${label}`);
  return element;
};
const outcomeBadge = (row) => signed(`badge ${row.outcome}`, OUTCOME_SIGNS[row.outcome], OUTCOME_LABELS[row.outcome]);
const changeBadge = (row) => signed(`badge change-${row.change}`, row.change === 1 ? "↓" : "↑", CHANGE_LABELS[row.change]);

// Split a text at the words searched for, and mark them; text stays text.
const marked = (element, content, terms) => {
  const lower = content.toLowerCase();
  let position = 0;
  // Folding may change the length of some letters; then nothing is marked, rather than the wrong thing.
  while (terms.length && lower.length === content.length) {
    const hits = terms.map((term) => [lower.indexOf(term, position), term.length]).filter(([at]) => at >= 0);
    if (!hits.length) break;
    const [at, length] = hits.reduce((a, b) => (b[0] < a[0] || (b[0] === a[0] && b[1] > a[1]) ? b : a));
    element.append(content.slice(position, at), make("mark", "", content.slice(at, at + length)));
    position = at + length;
  }
  element.append(content.slice(position));
  return element;
};

// The beginning of a text, or the part around the first word searched for.
const glimpse = (content, terms) => {
  const lower = content.toLowerCase();
  const hits = terms.map((term) => lower.indexOf(term)).filter((at) => at > 60);
  const start = hits.length ? Math.max(0, Math.min(...hits) - 40) : 0;
  return (start ? "…" : "") + content.slice(start, start + 400).replace(/\s+/g, " ");
};

const line = (className, label, content, terms) => {
  const element = make("span", className);
  element.dir = "auto";
  element.append(make("span", "hidden", `${label}: `));
  return marked(element, glimpse(content, terms), terms);
};

const LEAST = 8;
const SPARE = 6;
const list = {
  element: control("list"),
  found: [],
  terms: [],
  shown: new Map(),
  active: 0,
  height: 0,

  show(found, terms) {
    this.found = found;
    this.terms = terms;
    this.active = 0;
    this.redraw();
  },

  redraw() {
    for (const item of this.shown.values()) item.remove();
    this.shown.clear();
    if (this.found.length) {
      const probe = this.item(0);
      this.element.append(probe);
      this.height = probe.getBoundingClientRect().height;
      probe.remove();
    }
    this.element.style.height = `${this.found.length * this.height}px`;
    this.place();
  },

  place() {
    if (!this.found.length) return;
    const top = -this.element.getBoundingClientRect().top;
    // Some rows exist even where none is in sight, so that the list can be reached with the Tab key.
    const end = this.found.length;
    const first = Math.max(0, Math.min(end - LEAST, Math.floor(top / this.height) - SPARE));
    const last = Math.min(end, Math.max(first + LEAST, Math.ceil((top + innerHeight) / this.height) + SPARE));
    for (const [index, item] of this.shown) {
      if ((index < first || index >= last) && !item.contains(document.activeElement)) {
        item.remove();
        this.shown.delete(index);
      }
    }
    for (let index = first; index < last; index += 1) if (!this.shown.has(index)) this.insert(index);
    this.rove();
  },

  // In the order of the list, because that is the order in which a screen reader reads.
  insert(index) {
    const item = this.item(index);
    const after = [...this.shown.keys()].filter((one) => one > index);
    this.element.insertBefore(item, after.length ? this.shown.get(Math.min(...after)) : null);
    this.shown.set(index, item);
  },

  // One row of the list is in the tab order: the active one, or else the first in sight.
  rove() {
    const target = this.shown.has(this.active) ? this.active : Math.min(...this.shown.keys());
    for (const [index, item] of this.shown) item.firstElementChild.tabIndex = index === target ? 0 : -1;
  },

  focus(index) {
    if (!this.found.length) return;
    this.active = Math.max(0, Math.min(this.found.length - 1, index));
    if (!this.shown.has(this.active)) this.insert(this.active);
    const button = this.shown.get(this.active).firstElementChild;
    button.focus({ preventScroll: true });
    button.scrollIntoView({ block: "nearest" });
    this.place();
  },

  item(index) {
    const row = this.found[index];
    const item = make("div", "item");
    item.setAttribute("role", "listitem");
    item.setAttribute("aria-posinset", index + 1);
    item.setAttribute("aria-setsize", this.found.length);
    item.style.transform = `translateY(${index * this.height}px)`;
    const button = make("button", "row");
    button.type = "button";
    button.dataset.index = index;
    const head = make("span", "head");
    head.append(outcomeBadge(row));
    if (row.change) head.append(changeBadge(row));
    if (data.runs.length > 1) head.append(make("span", "tag", data.runs[row.run]));
    if (row.category !== null) head.append(make("span", "tag", categoryOf(row)));
    if (row.thread !== null) head.append(make("span", "tag", `Turn ${row.turn}`));
    if (row.confidence !== null) head.append(make("span", "sure", `${Math.round(row.confidence * 100)}% sure`));
    button.append(
      head,
      line("ask", "Prompt", row.prompt || row.promptUuid, this.terms),
      line("answer", "Response", answerOf(row), this.terms),
      line("why", "Why", row.explanation || "No explanation was given.", this.terms),
    );
    item.append(button);
    return item;
  },
};

list.element.addEventListener("keydown", (event) => {
  const index = Number(event.target.closest(".row")?.dataset.index);
  const targets = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: list.found.length - 1 };
  if (Number.isNaN(index) || !(event.key in targets)) return;
  event.preventDefault();
  list.focus(targets[event.key]);
});
list.element.addEventListener("focusin", (event) => {
  const index = event.target.closest(".row")?.dataset.index;
  if (index !== undefined) list.active = Number(index);
});
addEventListener("scroll", () => list.place(), { passive: true });
addEventListener("resize", () => list.redraw());
