// The package's version, put in by the build.
declare const MIGRATORY_VERSION: string | undefined;

export const version: string = typeof MIGRATORY_VERSION === 'string' ? MIGRATORY_VERSION : '0.0.0-source';
