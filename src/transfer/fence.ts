// Who may write through a Db, asked in the very moment of each write: a runner may stand still between any two commands,
// and where there are no transactions what it sends when it wakes would stay although another has taken over.
import type { Db } from 'mongodb';

const checks = new WeakMap<Db, () => void>();

/** @param check throws when nothing may be written any more. */
export function fenced(db: Db, check: () => void): Db {
  checks.set(db, check);
  return db;
}

export function mayWrite(db: Db): void {
  checks.get(db)?.();
}
