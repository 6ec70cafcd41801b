// Finds a mongod for the sandbox: on PATH, or fetched before; fetching one is a step of its own that a person agrees to.
// Where to fetch it from, for which system, is mongodb-memory-server's knowledge.
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { DryMongoBinary } from 'mongodb-memory-server-core/lib/util/DryMongoBinary';
import { MongoBinaryDownload } from 'mongodb-memory-server-core/lib/util/MongoBinaryDownload';

/** How far a download is. */
export interface DownloadProgress {
  megabytes: number;
  /** 0 when the server did not say. */
  totalMegabytes: number;
}

/** Path of a mongod that is on this machine. `folder`: where fetched ones lie. */
export async function findMongod(folder: string): Promise<string | null> {
  const name = process.platform === 'win32' ? 'mongod.exe' : 'mongod';
  const places = (process.env['PATH'] ?? '').split(delimiter).filter((place) => place !== '');
  const onPath = places.map((place) => join(place, name)).find((file) => existsSync(file));
  if (onPath !== undefined) return onPath;
  const fetched = await (await Download.into(folder)).place;
  return existsSync(fetched) ? fetched : null;
}

/** Downloads mongod into `folder` and gives its path. @throws Error that says why it is not possible. */
export async function fetchMongod(
  folder: string,
  onProgress: (progress: DownloadProgress) => void,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const download = await Download.into(folder);
  download.onProgress = onProgress;
  return download.getMongodPath();
}

class Download extends MongoBinaryDownload {
  /** Tells how far it is. */
  onProgress: (progress: DownloadProgress) => void = () => undefined;

  static async into(downloadDir: string): Promise<Download> {
    return new Download({ ...(await DryMongoBinary.generateOptions({ downloadDir })), downloadDir });
  }

  /** Where mongod is, or will be. */
  get place(): Promise<string> {
    return this.getPath();
  }

  /** Its own way prints lines. */
  override printDownloadProgress(chunk: { length: number }): void {
    this.dlProgress.current += chunk.length;
    const { current, length, lastPrintedAt } = this.dlProgress;
    if (Date.now() - lastPrintedAt < 250) return;
    this.dlProgress.lastPrintedAt = Date.now();
    this.onProgress({ megabytes: megabytes(current), totalMegabytes: megabytes(length) });
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1_048_576);
}
