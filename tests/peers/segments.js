// What npm sms-segments-calculator makes of texts: a JSON array of strings on stdin, an array of objects on stdout,
// {encoding, segments, clusters}, in the same order. `clusters` are the pieces of text that it does not cut.
'use strict';

const { SegmentedMessage } = require('sms-segments-calculator');

let input = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk) => { input += chunk; });
process.stdin.on('end', () => {
  const found = JSON.parse(input).map((text) => {
    const message = new SegmentedMessage(text);
    return { encoding: message.getEncodingName(), segments: message.segmentsCount, clusters: message.graphemes };
  });
  process.stdout.write(JSON.stringify(found));
});
