// Which migrations the tree shows and whether they stand in groups, both by their states and remembered for the
// workspace. Pure but for the memory.
import type { Memory } from '../connections';
import { Emitter } from '../event';
import type { MigrationRow } from '../rows';
import type { Translate } from '../words';

/** `attention`: everything that somebody has to look at. */
export type StateGroup = 'pending' | 'running' | 'applied' | 'attention';
export const stateGroups: readonly StateGroup[] = ['pending', 'running', 'applied', 'attention'];

export function groupOf(row: MigrationRow): StateGroup {
  if (row.active || row.state === 'running') return 'running';
  if (row.duplicate || row.quarantined) return 'attention';
  if (row.state === 'applied') return 'applied';
  return row.state === 'pending' || row.state === 'not-checked' ? 'pending' : 'attention';
}

export interface GroupWords {
  icon: string;
  label: string;
  detail: string;
}

export function groupWords(group: StateGroup, t: Translate): GroupWords {
  const words: Record<StateGroup, GroupWords> = {
    pending: { icon: 'circle-outline', label: t('Pending'), detail: t('not applied yet') },
    running: { icon: 'sync', label: t('Running'), detail: t('at work right now') },
    applied: { icon: 'pass', label: t('Applied'), detail: t('applied, nothing to do') },
    attention: {
      icon: 'warning',
      label: t('Needs Attention'),
      detail: t(
        'failed, interrupted, changed, missing, out of order, in conflict or with documents in quarantine',
      ),
    },
  };
  return words[group];
}

const key = 'migratory.filter';
const groupedKey = 'migratory.groupByState';

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

  /** Whether the rows stand under one node for each group of states; flat otherwise. */
  get grouped(): boolean {
    return this.memory.get(groupedKey) === true;
  }

  async group(grouped: boolean): Promise<void> {
    await this.memory.update(groupedKey, grouped);
    this.#changed.fire();
  }

  dispose(): void {
    this.#changed.dispose();
  }
}
