// What a child process gets as its environment: everything but connection strings, which anybody on the machine could
// read there. Those go to it by its pipe.

export interface ChildEnvironment {
  env: NodeJS.ProcessEnv;
  /** For the pipe. */
  secret: Record<string, string>;
}

export function childEnvironment(environment: NodeJS.ProcessEnv): ChildEnvironment {
  const env: NodeJS.ProcessEnv = {};
  const secret: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) continue;
    if (/mongodb(\+srv)?:\/\//i.test(value)) secret[name] = value;
    else env[name] = value;
  }
  // The runner's own, and none of the migration's business.
  delete secret['MIGRATORY_URI'];
  return { env, secret };
}
