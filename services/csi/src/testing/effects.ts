/** What every call meets after the process was killed. */
class Killed extends Error {
  override readonly name = "Killed";
}

/**
 * Counts side effects on the world outside the process, and kills the process after one of them: from then on nothing it
 * does has an effect, as after SIGKILL, until `revive`. Or has one of them fail, as on a full or broken disk.
 */
export class Effects {
  #count = 0;
  #cutAfter: number | undefined;
  #failing: number | undefined;
  #dead = false;

  get count(): number {
    return this.#count;
  }

  get isDead(): boolean {
    return this.#dead;
  }

  /** Kills after so many more effects. */
  cutAfter(effects: number): void {
    this.#cutAfter = this.#count + effects;
  }

  /** Has one effect fail, after so many more. */
  failAfter(effects: number): void {
    this.#failing = this.#count + effects;
  }

  /** Starts the process again. */
  revive(): void {
    this.#dead = false;
    this.#cutAfter = undefined;
  }

  /** Carries out one effect, and may kill after it, or fails. @throws Killed */
  apply(effect: () => void): void {
    this.requireLife();
    if (this.#count === this.#failing) {
      this.#failing = undefined;
      throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    }
    effect();
    this.#count += 1;
    if (this.#count !== this.#cutAfter) return;
    this.#dead = true;
    throw new Killed(`killed after effect ${this.#count}`);
  }

  /** @throws Killed in a dead process */
  requireLife(): void {
    if (this.#dead) throw new Killed("dead");
  }
}
