import type { WatcherImage } from '../../machine/watcher.ts';
import type { OwnersImage } from './owners.ts';
import type { StateImage } from './state.ts';

/** State of validators in a machine's snapshot. */
export class ValidationImage implements WatcherImage {
  readonly watcher = 'validators';
  readonly state: StateImage;
  readonly owners: OwnersImage;

  constructor(state: StateImage, owners: OwnersImage) {
    this.state = state;
    this.owners = owners;
  }
}
