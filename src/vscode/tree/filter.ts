// Which migrations the tree shows: by groups of states, remembered for the workspace. Pure but for the memory.
import type { Memory } from '../connections';
import { Emitter } from '../event';
import type { MigrationRow } from '../rows';

/** `attention`: everything that somebody has to look at. */
export type StateGroup = 'pending' | 'running' | 'applied' | 'attention';
export const stateGroups: readonly StateGroup[] = ['pending', 'running', 'applied', 'attention'];

export function groupOf(row: MigrationRow): StateGroup {
  if (row.active || row.state === 'running') return 'running';
  if (row.duplicate || row.quarantined) return 'attention';
  if (row.state === 'applied') return 'applied';
  return row.state === 'pending' || row.state === 'not-checked' ? 'pending' : 'attention';
}

const key = 'migratory.filter';

export class TreeFilter {
  readonly #changed = new Emitter<void>();
  readonly onDidChange = this.#changed.event;

  constructor(private readonly memory: Memory) {}

  /** The groups that are shown; empty means all. */
  get groups(): StateGroup[] {
    const kept = this.memory.get(key);
    return Array.isArray(kept) ? stateGroups.filter((group) => kept.includes(group)) : [];
  }

  shows(row: MigrationRow): boolean {
    const { groups } = this;
    return groups.length === 0 || groups.includes(groupOf(row));
  }

  async set(groups: readonly StateGroup[]): Promise<void> {
    // All of them is no filter, and would hide a group that comes later.
    await this.memory.update(key, groups.length === stateGroups.length ? [] : [...groups]);
    this.#changed.fire();
  }

  dispose(): void {
    this.#changed.dispose();
  }
}
