// The controls above the list, and the rows they let through.
const control = (id) => document.getElementById(id);
const controls = Object.fromEntries(
  ["query", "outcome", "run", "category", "change", "order"].map((id) => [id, control(id)]),
);

const tally = (value) => {
  const counts = new Map();
  for (const row of rows) counts.set(value(row), (counts.get(value(row)) ?? 0) + 1);
  return counts;
};
const number = (value) => value.toLocaleString("en");

const fill = (select, everything, choices) => {
  select.append(new Option(everything, ""));
  for (const [value, label, count] of choices) {
    const suffix = count === undefined ? "" : ` (${number(count)})`;
    select.append(new Option(label + suffix, value));
  }
  // A choice between one thing is none.
  select.closest(".field").hidden = choices.length < 2 && select !== controls.outcome;
};

const fillControls = () => {
  const outcomes = tally((row) => row.outcome);
  const runs = tally((row) => row.run);
  const categories = tally((row) => row.category);
  const changes = tally((row) => row.change);
  const present = data.outcomes.filter((outcome) => outcomes.has(outcome));
  fill(controls.outcome, "All", present.map((one) => [one, OUTCOME_LABELS[one], outcomes.get(one)]));
  fill(controls.run, "All", data.runs.map((name, index) => [index, name, runs.get(index) ?? 0]));
  const named = data.categories.map((name, index) => [index, name, categories.get(index)]);
  if (categories.has(null)) named.push(["none", "No category", categories.get(null)]);
  fill(controls.category, "All", named);
  const changed = [1, 2].filter((change) => changes.has(change));
  fill(controls.change, "All", changed.map((one) => [one, CHANGE_LABELS[one], changes.get(one)]));
  controls.change.closest(".field").hidden = changed.length === 0;
  fill(controls.order, "As listed", [["unsure", "Least sure first"], ["sure", "Surest first"], ["prompt", "By prompt"]]);
  if (outcomes.has("failed")) controls.outcome.value = "failed";
};

const byConfidence = (sign) => (a, b) =>
  (a.confidence ?? 2 * sign) * sign - (b.confidence ?? 2 * sign) * sign || a.index - b.index;
// Comparing texts by the rules of language is slow, so each prompt is ranked once.
let ranks = null;
const rankOf = (row) => {
  if (ranks === null) {
    const { compare } = new Intl.Collator("en", { numeric: true });
    const order = data.prompts.map((_, index) => index).sort((a, b) => compare(data.prompts[a], data.prompts[b]));
    ranks = new Map(order.map((prompt, rank) => [prompt, rank]));
  }
  return ranks.get(row.promptNumber) ?? ranks.size;
};
const ORDERS = {
  unsure: byConfidence(1),
  sure: byConfidence(-1),
  prompt: (a, b) => rankOf(a) - rankOf(b) || a.turn - b.turn || a.run - b.run || a.index - b.index,
};

const filtered = () => {
  const terms = termsOf(controls.query.value);
  const { outcome, run, category, change, order } = Object.fromEntries(
    Object.entries(controls).map(([id, element]) => [id, element.value]),
  );
  const wantedCategory = category === "none" ? null : Number(category);
  const found = rows.filter(
    (row) =>
      (outcome === "" || row.outcome === outcome) &&
      (run === "" || row.run === Number(run)) &&
      (category === "" || row.category === wantedCategory) &&
      (change === "" || row.change === Number(change)) &&
      (terms.length === 0 || matches(row, terms)),
  );
  return order === "" ? found : found.sort(ORDERS[order]);
};

const setFilters = (wanted) => {
  for (const [id, element] of Object.entries(controls)) element.value = wanted[id] ?? "";
};
