import * as v from 'valibot';

/** A compiled file beside a manifest; `sha256` in lower-case hexadecimal. */
export const guestFile = v.strictObject({
  path: v.string(),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});
