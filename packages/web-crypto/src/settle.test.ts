import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MAX_QUESTIONS, settle, WebCryptoError } from "./index.ts";
import { ask } from "./settle.ts";

const later = (answer: unknown) => () => Promise.resolve(answer);

describe("settle()", () => {
  test("runs again until every answer is there, and asks for each once", async () => {
    const log: string[] = [];
    const asked = (id: string) =>
      ask(id, () => {
        log.push(id);
        return Promise.resolve(id.toUpperCase());
      });
    const result = await settle(() => {
      log.push("run");
      return [asked("a"), asked("b"), asked("a")];
    });
    assert.deepEqual(result, ["A", "B", "A"]);
    assert.deepEqual(log, ["run", "a", "run", "b", "run"]);
  });

  test("runs once where nothing is asked, and hands on result and error", async () => {
    let runs = 0;
    assert.equal(await settle(() => ++runs), 1);
    const fault = new TypeError("fault");
    const thrown = await settle(() => {
      ask("a", later(1));
      throw fault;
    }).catch((error: unknown) => error);
    assert.equal(thrown, fault);
    assert.equal(runs, 1);
  });

  test("takes no verdict of a run that was broken off, whoever swallowed it", async () => {
    const verdicts: string[] = [];
    const swallowing = (refused: () => string) => () => {
      try {
        const verdict = ask("signature", later(true)) === true ? "accepted" : "refused by signature";
        verdicts.push(verdict);
        return verdict;
      } catch {
        return refused();
      }
    };
    assert.equal(await settle(swallowing(() => "refused")), "accepted");
    assert.equal(await settle(swallowing(() => "accepted by mistake")), "accepted");
    const throwing = swallowing(() => {
      throw new Error("refused by an error");
    });
    assert.equal(await settle(throwing), "accepted");
    assert.deepEqual(verdicts, ["accepted", "accepted", "accepted"]);
  });

  test("tells nothing more after an answer was missing in a run", async () => {
    const seen: unknown[] = [];
    await settle(() => {
      ask("a", later("a"));
      try {
        ask("b", later("b"));
      } catch {
        // A judge that goes on: what is known by now must not be told either.
      }
      seen.push(ask("a", later("a")));
    });
    assert.deepEqual(seen, ["a"]);
  });

  test("keeps undefined and false as answers", async () => {
    assert.deepEqual(await settle(() => [ask("a", later(undefined)), ask("b", later(false))]), [undefined, false]);
  });

  test("hands on what goes wrong with an answer", async () => {
    const judge = () => ask("a", () => Promise.reject(new Error("no WebCrypto here")));
    await assert.rejects(settle(judge), { message: "no WebCrypto here" });
  });

  test("ends judgements that ask for ever", async () => {
    let next = 0;
    const endless = () => {
      for (let id = 0; id < next; id++) ask(String(id), later(true));
      return ask(String(next++), later(true));
    };
    await assert.rejects(settle(endless), { name: "WebCryptoError", code: "too_many_questions" });
    // SPECIFICATION.md has this number.
    assert.equal(MAX_QUESTIONS, 1024);
    assert.equal(next, MAX_QUESTIONS + 1);
  });

  test("keeps judgements that run side by side apart", async () => {
    const judge = (answer: string) => () => [ask("same id", later(answer)), ask("other id", later(answer))];
    assert.deepEqual(await Promise.all([settle(judge("a")), settle(judge("b"))]), [
      ["a", "a"],
      ["b", "b"],
    ]);
  });
});

test("ask() is refused outside of settle()", async () => {
  const refused = (error: unknown) => error instanceof WebCryptoError && error.code === "not_settling";
  assert.throws(() => ask("a", later(1)), refused);
  await settle(() => ask("a", later(1)));
  assert.throws(() => ask("a", later(1)), refused);
});
