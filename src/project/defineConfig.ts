// For authors of migratory.config.ts and .js: types while they write.
import type { MigratoryConfig } from './migratoryConfig';

export type { MigratoryConfig };

/** Gives types to a config (or a Promise of one) and hands it back unchanged. */
export function defineConfig<C extends MigratoryConfig | Promise<MigratoryConfig>>(config: C): C {
  return config;
}
