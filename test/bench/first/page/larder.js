import { contendAs } from './visit.js';

contendAs('first-larder', (query) => query);
