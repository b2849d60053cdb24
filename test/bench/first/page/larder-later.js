// Asks what no visit has asked before, so that the engine must answer.
import { open } from '/larder.js';
import { contendAs } from './visit.js';

contendAs('first-larder-later', open, (query) => query.filter(`rank ge ${-Math.random()}`));
