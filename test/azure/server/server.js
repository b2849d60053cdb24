// Serves an app of Azure Mobile Apps, as its quick start has it: node server.js KEY. It prints its address.
const express = require('express');
const azure = require('azure-mobile-apps');

const app = express();
const mobile = azure({
  homePage: false,
  logging: false,
  auth: { secret: process.argv[2], validateTokens: true },
  cors: { hostnames: ['127.0.0.1', 'localhost'] },
});
const columns = { text: 'string', complete: 'boolean', rank: 'number', due: 'date' };
mobile.tables.add('todoitem', { columns, dynamicSchema: false, softDelete: true });
mobile.tables.add('note', { columns, dynamicSchema: false }); // deletes leave no trace
mobile.tables.add('mine', { columns, dynamicSchema: false, softDelete: true, perUser: true, access: 'authenticated', maxTop: 100 });
app.use(mobile);
mobile.tables.initialize().then(() => {
  const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
});
