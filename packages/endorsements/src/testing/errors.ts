import assert from "node:assert/strict";
import { EndorsementError, type EndorsementErrorCode } from "../error.ts";

/** For `assert.throws` and `assert.rejects`: an error of this package with a code, and a message that has this in it. */
export function refusal(code: EndorsementErrorCode, part = ""): (error: Error) => true {
  return (error) => {
    assert.ok(error instanceof EndorsementError, error);
    assert.equal(error.code, code, error.message);
    assert.ok(error.message.includes(part), error.message);
    assert.notEqual(error.hint, "");
    return true;
  };
}
