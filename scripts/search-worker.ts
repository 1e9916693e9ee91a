import { serveSearch } from '../emulator/explore/campaign/serve.ts';

/** What a search starts for each of its `--jobs`; of no use by itself. */
export function main(): Promise<number> {
  return serveSearch();
}
