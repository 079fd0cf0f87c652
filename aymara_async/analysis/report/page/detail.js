// One response in full: its conversation, why it got its verdict, and what the other runs answered.
const detail = {
  dialog: control("detail"),
  title: control("detail-title"),
  body: control("detail-body"),
  index: 0,

  open(index) {
    this.draw(index);
    this.dialog.showModal();
    this.title.focus();
  },

  draw(index) {
    this.index = index;
    const row = list.found[index];
    this.title.textContent = `Response ${number(index + 1)} of ${number(list.found.length)}`;
    control("previous").disabled = index === 0;
    control("next").disabled = index === list.found.length - 1;
    this.body.replaceChildren(...entry(row, list.terms));
    this.body.scrollTop = 0;
    this.body.querySelector(".turn.current")?.scrollIntoView({ block: "nearest" });
  },

  step(by) {
    const index = this.index + by;
    if (index < 0 || index >= list.found.length) return;
    this.draw(index);
    this.title.focus();
  },
};

const facts = (pairs) => {
  const element = make("dl", "facts");
  for (const [name, value] of pairs.filter(([, value]) => value !== null)) {
    const both = make("div");
    both.append(make("dt", "", name), make("dd", "", value));
    element.append(both);
  }
  return element;
};

const bubble = (className, speaker, content, terms) => {
  const element = make("div", `bubble ${className}`);
  element.append(make("p", "speaker", speaker));
  const words = marked(make("p", "text"), content, terms);
  words.dir = "auto";
  element.append(words);
  return element;
};

const reply = (row, terms) => {
  const element = bubble("ai", "AI", answerOf(row), terms);
  if (row.image !== null) {
    const image = make("img");
    image.src = data.images[row.image];
    image.alt = `Image that the AI answered with: ${row.file}`;
    element.append(image);
  }
  return element;
};

const judgement = (row, terms) => {
  const element = make("div", "judgement");
  const head = make("p", "head");
  head.append(outcomeBadge(row));
  if (row.change) head.append(changeBadge(row));
  if (row.confidence !== null) head.append(make("span", "sure", `${(row.confidence * 100).toFixed(1)}% sure`));
  if (row.refused) head.append(make("span", "tag", "Marked as a refusal"));
  if (row.corrected) head.append(make("span", "tag", "Corrected by a person"));
  const why = marked(make("p", "text"), row.explanation || "No explanation was given.", terms);
  why.dir = "auto";
  element.append(head, why);
  return element;
};

const turn = (row, current, terms) => {
  const isOneOfSeveral = row.thread !== null;
  const element = make("div", `turn${isOneOfSeveral && row === current ? " current" : ""}`);
  if (isOneOfSeveral) {
    element.append(make("h3", "", `Turn ${row.turn}${row === current ? ", the one chosen" : ""}`));
  }
  element.append(judgement(row, terms), bubble("human", "Prompt", row.prompt || "(not known)", terms), reply(row, terms));
  return element;
};

const entry = (row, terms) => {
  const parts = [
    facts([["Run", data.runs[row.run]], ["Category", categoryOf(row)]]),
    ...turnsOf(row).map((one) => turn(one, row, terms)),
  ];
  const others = row.group === null ? [] : groups.get(row.group).filter((other) => other !== row);
  if (others.length) {
    parts.push(make("h3", "others", others.length > 1 ? "The other runs on this prompt" : "The other run on this prompt"));
    for (const other of others) {
      const element = make("div", "turn other");
      element.append(make("h4", "", data.runs[other.run]), judgement(other, terms), reply(other, terms));
      parts.push(element);
    }
  }
  parts.push(facts([["Prompt", row.promptUuid], ["Response", row.responseUuid]]));
  return parts;
};

control("close").addEventListener("click", () => detail.dialog.close());
control("previous").addEventListener("click", () => detail.step(-1));
control("next").addEventListener("click", () => detail.step(1));
detail.dialog.addEventListener("click", (event) => {
  if (event.target === detail.dialog) detail.dialog.close();
});
detail.dialog.addEventListener("keydown", (event) => {
  const steps = { ArrowRight: 1, ArrowLeft: -1, j: 1, k: -1 };
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in steps)) return;
  event.preventDefault();
  detail.step(steps[event.key]);
});
detail.dialog.addEventListener("close", () => list.focus(detail.index));
list.element.addEventListener("click", (event) => {
  const button = event.target.closest(".row");
  if (button) detail.open(Number(button.dataset.index));
});
