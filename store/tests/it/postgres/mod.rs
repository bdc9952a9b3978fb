//! What the PostgreSQL store promises: the contract of the port, and what several processes on one database need.

mod contract;
mod damage;
mod grouping;
mod load;
mod news;
mod opening;
mod outage;
mod replicas;
mod talk;
