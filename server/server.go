// Package server is Larder's server as a library: tables with their rules, and the offline app that they belong to. The
// program is in server/larder.
package server
