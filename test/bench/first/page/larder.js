import { open } from '/larder.js';
import { contendAs } from './visit.js';

contendAs('first-larder', open, (query) => query);
