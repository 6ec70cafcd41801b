// Takes credentials out of texts that people or files get to see. Every error, log line and run document passes
// through here.

const replacement = '<credentials>';

/** User and password as the standard allows them: everything up to the last `@` before the path. */
const userInfo = /(mongodb(?:\+srv)?:\/\/)[^\s/?#]*@/gi;
/** The same for passwords that somebody forgot to encode (`/`, `?` and `#` in them). */
const carelessUserInfo = /(mongodb(?:\+srv)?:\/\/)(?!<credentials>@)[^\s"'`<>]*@/gi;
/** Options of a connection string that hold secrets. */
const secretOptions =
  /([?&](?:authMechanismProperties|tlsCertificateKeyFilePassword|sslPass|proxyPassword|proxyUsername)=)[^&\s"'`<>]+/gi;

/** The text with the credentials of every connection string in it replaced by `<credentials>`. */
export function redact(text: string): string {
  if (!/mongodb(?:\+srv)?:\/\//i.test(text)) return text;
  return text
    .replace(userInfo, `$1${replacement}@`)
    .replace(carelessUserInfo, `$1${replacement}@`)
    .replace(secretOptions, `$1${replacement}`);
}
