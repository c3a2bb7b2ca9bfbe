//! Time in a world: it moves when somebody calls, and as faults say.

use strongroom_format::Time;
use strongroom_repo::Clock;

use crate::world::World;

/// A clock of a world: the true time, or that of one client, which may be wrong.
#[derive(Debug, Clone)]
pub struct SimClock {
    world: World,
    client: Option<usize>,
}

impl SimClock {
    pub(crate) fn new(world: World, client: Option<usize>) -> Self {
        Self { world, client }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Time {
        self.world.time_of(self.client)
    }
}
