// What an answer of the database makes of a finding that asked for it.
import type { Finding } from './finding';

/**
 * @param groups how many values stand in more than one document; null where only building the index can tell.
 * @returns the finding with what is known now, or nothing when the answer takes it away.
 */
export function answered(finding: Finding, groups: number | null): Finding | undefined {
  if (!finding.question || groups === null) return finding;
  if (groups === 0) return undefined;
  const { collection, fields } = finding.question;
  const values = groups === 1 ? '1 value is' : `${groups} values are`;
  const message = `This index cannot be built now: ${values} there more than once in ${fields.join(', ')} of "${collection}".`;
  return { ...finding, message };
}
