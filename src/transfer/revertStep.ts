/** Name under which the way back of a step keeps its checkpoints. */
export function revertStep(step: string): string {
  return `${step}:revert`;
}
