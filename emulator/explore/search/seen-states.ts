/** Which states a search has explored, each with the interruptions that it still had to spend there. */
export class SeenStates {
  readonly #budgets = new Map<string, { budget: number; path: number }>();

  get size(): number {
    return this.#budgets.size;
  }

  /**
   * Whether all that can follow from a state with `budget` interruptions was explored by another path;
   * else it is noted as explored by this one. A path that comes back to its own state is not through.
   */
  covers(key: string, budget: number, path: number): boolean {
    const known = this.#budgets.get(key);
    if (known !== undefined && known.budget >= budget) return known.path !== path;
    this.#budgets.set(key, { budget, path });
    return false;
  }
}
