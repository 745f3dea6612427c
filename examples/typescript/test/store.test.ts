/** The journal: what was acknowledged is there after any crash, and what was cut short never was. */
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Journal } from "../src/store.js";

/** A new journal's path, and what is read from it. */
function place(): { path: string; read: () => [Journal<number>, number[]] } {
  const path = join(mkdtempSync(join(tmpdir(), "journal-")), "journal");
  return {
    path,
    read: () => {
      const found: number[] = [];
      return [new Journal<number>(path, (entry) => found.push(entry)), found];
    },
  };
}

test("entries come back in order", () => {
  const { read } = place();
  const [journal, seen] = read();
  for (const entry of [1, 2, 3]) journal.add(entry);
  journal.close();
  assert.deepEqual(seen, [1, 2, 3]);
  assert.deepEqual(read()[1], [1, 2, 3]);
});

test("a line that a crash cut short is dropped, and the next one is whole", () => {
  const { path, read } = place();
  const [first] = read();
  first.add(1);
  first.close();
  appendFileSync(path, "22");
  const [second, seen] = read();
  second.add(3);
  second.close();
  assert.deepEqual(seen, [1, 3]);
  assert.equal(readFileSync(path, "utf8"), "1\n3\n");
});

test("a damaged line in the middle is no reason to go on as if nothing were", () => {
  const { path, read } = place();
  appendFileSync(path, "1\nx\n2\n");
  assert.throws(read, SyntaxError);
});
