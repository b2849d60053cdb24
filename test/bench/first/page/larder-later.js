// Asks what no visit has asked before, so that the engine must answer.
import { contendAs } from './visit.js';

contendAs('first-larder-later', (query) => query.filter(`rank ge ${-Math.random()}`));
