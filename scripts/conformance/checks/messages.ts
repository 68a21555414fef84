/** What every message has to be, checked last and over all that the kernel sent during the run. */
import { type Check, type CheckGroup, must } from '../check.js';
import { ConformanceFailure } from '../failure.js';
import type { Received } from '../probe.js';
import { contentComplaints, duplicateIds, headerComplaints, tally } from '../schema.js';

const overAll = (
  name: string,
  section: string,
  complaintsOf: (transcript: readonly Received[]) => string[],
): Check => ({
  name,
  section,
  async run({ transcript }) {
    must(transcript.length > 0, 'the kernel sent nothing');
    const complaints = tally(complaintsOf(transcript));
    if (complaints.length === 0) return;
    const more = complaints.length > 4 ? `; and ${complaints.length - 4} more` : '';
    throw new ConformanceFailure(`${complaints.slice(0, 4).join('; ')}${more}`);
  },
});

export const messages: CheckGroup = {
  title: 'every message of the run',
  checks: [
    overAll('headers and parents have their required fields', 'Message header; Parent header', (transcript) =>
      transcript.flatMap(headerComplaints),
    ),
    overAll('message ids are unique', 'Message header', duplicateIds),
    overAll(
      'replies have the required fields of the right types',
      'Messages on the shell channel',
      (transcript) => transcript.filter(({ channel }) => channel !== 'iopub').flatMap(contentComplaints),
    ),
    overAll(
      'messages on iopub have the required fields of the right types',
      'Messages on iopub',
      (transcript) => transcript.filter(({ channel }) => channel === 'iopub').flatMap(contentComplaints),
    ),
  ],
};
