export type { MonitoredStep, TrainingRecord } from './training-log.js';
export { type MonitorOptions, type Terminal, TrainingMonitor } from './training-monitor.js';
