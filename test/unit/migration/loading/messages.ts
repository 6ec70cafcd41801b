import type { ErrorInfo } from '../../../../src/protocol/errors';

export interface HostRequest {
  file: string;
  root: string;
  /** Calls this function of each migration without arguments. */
  call?: string;
}

export interface HostAnswer {
  migrations?: { name: string; kind: string; index: number; fields: string[] }[];
  results?: unknown[];
  error?: ErrorInfo;
  /** Whether `process.exit` is the same as before the load. */
  exitRestored: boolean;
}
