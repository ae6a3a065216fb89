//! How many events to ask for in one page, so that one bad item costs no other and few requests; pure.

/// Pages that are read to make sure which item is bad.
const SURE_PAGES: usize = 20;

/// The size of pages, and what is known of a bad item among those of one second.
#[derive(Debug)]
pub(super) struct Pieces {
    largest: usize,
    size: usize,
    state: State,
    /// So many items from the first were looked at closely.
    covered: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing is known.
    Plain,
    /// Pages become smaller until they arrive.
    Halving,
    /// A first page with as many items as the former arrives, one with as many as the latter does not.
    Between(usize, usize),
    /// After so many items comes a bad one, if it is not the size of the pages that matters.
    Sure(usize),
    /// Each item that is not JSON becomes the last of a page.
    Apart,
}

impl Pieces {
    pub(super) const fn new(largest: usize) -> Self {
        Self {
            largest,
            size: largest,
            state: State::Plain,
            covered: 0,
        }
    }

    /// The size of the next page.
    pub(super) const fn size(&self) -> usize {
        self.size
    }

    /// So many items from the first were looked at closely.
    pub(super) const fn covered(&self) -> usize {
        self.covered
    }

    /// Begins with another stretch of time.
    pub(super) const fn reset(&mut self) {
        *self = Self::new(self.largest);
    }

    /// Halves the pages; false if they cannot be smaller.
    pub(super) const fn halve(&mut self) -> bool {
        if self.size == 1 {
            return false;
        }
        self.state = State::Halving;
        self.size /= 2;
        true
    }

    /// The page after `at` items cannot be read. Returns true if pages of another size tell more.
    pub(super) fn unread(&mut self, at: usize) -> bool {
        let end = at + self.size;
        let (low, high) = match self.state {
            State::Plain | State::Apart => (at, end),
            State::Between(low, high) if at == 0 => (low, high.min(end)),
            State::Between(..) | State::Halving => return self.halve(),
            State::Sure(bad) if at <= bad && bad < end => return false,
            State::Sure(_) => return self.halve(),
        };
        if high > self.largest || self.size == 1 {
            return self.halve();
        }
        self.search(low, high);
        true
    }

    /// The page that ends after `listed` items arrived. Returns true if pages of another size tell more.
    pub(super) fn arrived(&mut self, listed: usize, items: usize) -> bool {
        let is_full = items == self.size;
        self.covered = self.covered.max(listed);
        match self.state {
            State::Between(low, high) if listed == self.size => {
                self.search(low.max(listed), high);
                true
            }
            State::Apart if is_full && listed >= 2 * self.size && listed <= self.largest => {
                self.size = listed;
                true
            }
            _ => false,
        }
    }

    fn search(&mut self, low: usize, high: usize) {
        if high - low > 1 {
            self.state = State::Between(low, high);
            self.size = low.midpoint(high);
        } else {
            self.state = State::Sure(low);
            self.size = low.div_ceil(SURE_PAGES).max(1);
        }
    }

    /// An item that is not JSON comes after `before` others; its page has `items` items. Returns true if
    /// pages of another size tell where it ends.
    pub(super) fn broken(&mut self, before: usize, (at, items): (usize, usize)) -> bool {
        let is_last = before + 1 == at + items && items == self.size;
        if before < self.covered || is_last || self.size == 1 {
            return false;
        }
        if matches!(self.state, State::Between(..) | State::Sure(_)) {
            return self.unread(at);
        }
        self.covered = self.covered.max(before);
        let wanted = before + 1;
        let is_tried = matches!(self.state, State::Apart) && self.size == wanted;
        if is_tried || wanted > self.largest || matches!(self.state, State::Halving) {
            return self.halve();
        }
        self.state = State::Apart;
        self.size = wanted;
        true
    }
}

#[cfg(test)]
mod tests;
