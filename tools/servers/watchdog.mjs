// Kills servers and removes their folders when the process that started them is gone, however it went: its end
// closes our standard input. Each line there is { "keep": { "folder": path, "pids": [pid, ...] } }, the latest state
// of a folder, or { "drop": path }.
import { readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

const kept = new Map();
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const { keep, drop } = JSON.parse(line);
  if (keep !== undefined) kept.set(keep.folder, keep.pids);
  else kept.delete(drop);
});
lines.on('close', () => {
  for (const [folder, pids] of kept) {
    for (const pid of pids.filter((pid) => isOurs(pid, folder))) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
  }
  for (const folder of kept.keys()) {
    try {
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    } catch {
      // A file that is still held open stays; the system clears its temporary folder.
    }
  }
  process.exit(0);
});

/** A server that died earlier may have left its pid to a stranger; Linux can tell. */
function isOurs(pid, folder) {
  if (process.platform !== 'linux') return true;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
  } catch {
    return false;
  }
}
