// The embedded rows, decoded once, and full-text search over them.
const data = JSON.parse(document.getElementById("data").textContent);
const columns = Object.fromEntries(data.columns.map((name, index) => [name, index]));
const OUTCOME_LABELS = { passed: "Passed", failed: "Failed", excluded: "Excluded", unscored: "No score" };
const OUTCOME_SIGNS = { passed: "✓", failed: "✕", excluded: "–", unscored: "?" };
const CHANGE_LABELS = ["", "Regressed", "Improved"];

const text = (list, index) => (index === null ? "" : list[index]);

const rows = data.rows.map((cells, index) => ({
  index,
  run: cells[columns.run],
  outcome: data.outcomes[cells[columns.outcome]],
  category: cells[columns.category],
  promptNumber: cells[columns.prompt],
  prompt: text(data.prompts, cells[columns.prompt]),
  turn: cells[columns.turn],
  thread: cells[columns.thread],
  confidence: cells[columns.confidence],
  content: cells[columns.content],
  explanation: text(data.explanations, cells[columns.explanation]),
  refused: Boolean(cells[columns.refused]),
  corrected: Boolean(cells[columns.corrected]),
  change: cells[columns.change],
  group: cells[columns.group],
  file: cells[columns.file],
  image: cells[columns.image],
  promptUuid: cells[columns.prompt_uuid],
  responseUuid: cells[columns.response_uuid],
}));

const bundle = (name) => {
  const found = new Map();
  for (const row of rows) {
    if (row[name] === null) continue;
    if (!found.has(row[name])) found.set(row[name], []);
    found.get(row[name]).push(row);
  }
  return found;
};
const threads = bundle("thread");
const groups = bundle("group");
for (const turns of threads.values()) turns.sort((a, b) => a.turn - b.turn);

const turnsOf = (row) => threads.get(row.thread) ?? [row];
const categoryOf = (row) => (row.category === null ? "No category" : data.categories[row.category]);
const answerOf = (row) =>
  row.file !== null ? `File: ${row.file}` : row.content || (row.refused ? "The AI refused." : "The response is empty.");

const haystacks = new Array(rows.length);
const haystackOf = (row) =>
  (haystacks[row.index] ??= [
    row.prompt, row.content ?? "", row.explanation, row.category === null ? "" : categoryOf(row),
    row.file ?? "", row.promptUuid, row.responseUuid ?? "",
  ].join("\n").toLowerCase());

// Fold the texts while nobody waits for it, so that the first search is as quick as the next.
const foldAhead = (from) => {
  const until = Math.min(from + 500, rows.length);
  for (let index = from; index < until; index += 1) haystackOf(rows[index]);
  if (until < rows.length) setTimeout(foldAhead, 0, until);
};

const termsOf = (query) => query.toLowerCase().split(/\s+/).filter(Boolean);
const matches = (row, terms) => {
  const haystack = haystackOf(row);
  return terms.every((term) => haystack.includes(term));
};
