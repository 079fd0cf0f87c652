"""The tables of a journal: those that last, and those that each session makes anew.

The file only grows at its end: what is looked up by its content is in a temporary table.
"""

from __future__ import annotations

APPLICATION_ID = 0x41796D61
VERSION = 3

LASTING = f"""
PRAGMA application_id={APPLICATION_ID};
PRAGMA user_version={VERSION};
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE answers (
  prompt_uuid TEXT, thread_uuid TEXT, turn_number INTEGER, answer TEXT NOT NULL,
  PRIMARY KEY (prompt_uuid, thread_uuid, turn_number)) WITHOUT ROWID;
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, eval_run_uuid TEXT, scored INTEGER NOT NULL DEFAULT 0);
CREATE TABLE batches (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL, already INTEGER NOT NULL, is_open INTEGER NOT NULL DEFAULT 1,
  turns TEXT NOT NULL);
CREATE TABLE results (id INTEGER PRIMARY KEY, turns TEXT NOT NULL, scored BLOB NOT NULL);
"""
_TURNS = """
CREATE TEMP TABLE turns (
  id INTEGER PRIMARY KEY, prompt_uuid TEXT NOT NULL, thread_uuid TEXT NOT NULL, turn_number INTEGER NOT NULL,
  digest TEXT NOT NULL, session INTEGER NOT NULL, number INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,
  batch INTEGER, response_uuid TEXT, result INTEGER, place INTEGER, UNIQUE (prompt_uuid, thread_uuid, turn_number));
CREATE TEMP TABLE prompts (prompt_uuid TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TEMP TABLE followed (batch INTEGER NOT NULL, result INTEGER NOT NULL);
INSERT INTO temp.followed VALUES (0, 0);
CREATE TEMP TABLE listed (key TEXT PRIMARY KEY, prompt_uuid TEXT NOT NULL, response_uuid TEXT) WITHOUT ROWID;
CREATE TEMP TABLE strays (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL, prompt_uuid TEXT NOT NULL, scored BLOB NOT NULL);
CREATE INDEX temp.strays_by_prompt ON strays (prompt_uuid);
"""
# Brings what was sent and recorded to the turns, many batches at once: each statement waits for Python's lock.
# LIMIT -1 keeps SQLite from looking at all the results for each of the turns; the groups of the batches do the same.
_FOLLOW = """
CREATE TEMP TRIGGER follow AFTER UPDATE ON followed BEGIN
  UPDATE turns SET state = sent.is_open, batch = sent.batch
  FROM (
    SELECT json_extract(given.value, '$[0]') AS turn, max(batches.id) AS batch, batches.is_open
    FROM batches CROSS JOIN json_each(batches.turns) AS given WHERE batches.id > old.batch GROUP BY turn
  ) AS sent WHERE turns.id = sent.turn;
  UPDATE turns SET state = 2, result = found.result, place = found.place, response_uuid = found.response_uuid
  FROM (
    SELECT json_extract(given.value, '$[0]') AS turn, json_extract(given.value, '$[1]') AS response_uuid,
      iif(length(results.scored), results.id, NULL) AS result, given.key AS place
    FROM results CROSS JOIN json_each(results.turns) AS given WHERE results.id > old.result LIMIT -1
  ) AS found WHERE turns.id = found.turn;
END;
"""

TEMPORARY = _TURNS + _FOLLOW
