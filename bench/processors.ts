// Processor time of the server and of this process since some moment. Of other processes Linux alone tells it.
import { readFileSync } from 'node:fs';

/** Clock ticks a second, as Linux counts for everybody. */
const ticks = 100;

export class Processors {
  readonly #own = process.cpuUsage();
  readonly #server: number;

  constructor(private readonly pids: readonly number[]) {
    this.#server = this.#ofServer();
  }

  used(): { server: number; own: number } {
    const { user, system } = process.cpuUsage(this.#own);
    return { server: this.#ofServer() - this.#server, own: (user + system) / 1000 };
  }

  #ofServer(): number {
    if (process.platform !== 'linux') return NaN;
    const times = this.pids.map((pid) => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return Number(fields[11]) + Number(fields[12]);
    });
    return (times.reduce((sum, time) => sum + time, 0) * 1000) / ticks;
  }
}
