/** Who turned the fresh node into a member: decided once, by the first to ask. */
export class AdmissionLock {
  #owner: "init" | "join" | undefined;

  get owner(): "init" | "join" | undefined {
    return this.#owner;
  }

  /** Whether the lock is now the caller's. */
  tryAcquire(owner: "init" | "join"): boolean {
    if (this.#owner !== undefined) return false;
    this.#owner = owner;
    return true;
  }

  /** Gives back a lock that came to nothing. */
  release(owner: "init" | "join"): void {
    if (this.#owner === owner) this.#owner = undefined;
  }
}
