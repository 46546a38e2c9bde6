/** What every call meets after the process was killed. */
class Killed extends Error {
  override readonly name = "Killed";
}

/**
 * Counts side effects on the world outside the process, and kills the process after one of them: from then on nothing it
 * does has an effect, as after SIGKILL, until `revive`.
 */
export class Effects {
  #count = 0;
  #cutAfter: number | undefined;
  #dead = false;

  get count(): number {
    return this.#count;
  }

  /** Kills after so many more effects. */
  cutAfter(effects: number): void {
    this.#cutAfter = this.#count + effects;
  }

  /** Starts the process again. */
  revive(): void {
    this.#dead = false;
    this.#cutAfter = undefined;
  }

  /** Carries out one effect, and may kill after it. @throws Killed */
  apply(effect: () => void): void {
    this.requireLife();
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
