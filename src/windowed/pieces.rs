//! Chooses the page size, so that one bad item costs few requests and no other item. The choice is pure.

/// The number of pages that are read to confirm which item is bad.
const SURE_PAGES: usize = 20;

/// The page size, and the state of the search for a bad item among those of one second.
#[derive(Debug)]
pub(super) struct Pieces {
    largest: usize,
    size: usize,
    state: State,
    /// The number of items from the first that were examined one by one.
    covered: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// No bad item is known.
    Plain,
    /// Pages become smaller until they arrive.
    Halving,
    /// A first page with the former number of items arrives; one with the latter number does not.
    Between(usize, usize),
    /// The item after this number of items is bad, unless the page size is the cause.
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

    /// Returns the size of the next page.
    pub(super) const fn size(&self) -> usize {
        self.size
    }

    /// Returns the number of items from the first that were examined one by one.
    pub(super) const fn covered(&self) -> usize {
        self.covered
    }

    /// Starts again for another window.
    pub(super) const fn reset(&mut self) {
        *self = Self::new(self.largest);
    }

    /// Halves the page size. False if it is already 1.
    pub(super) const fn halve(&mut self) -> bool {
        if self.size == 1 {
            return false;
        }
        self.state = State::Halving;
        self.size /= 2;
        true
    }

    /// Records that the page after `at` items cannot be read. True if another page size helps.
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

    /// Records that the page that ends after `listed` items arrived. True if another page size helps.
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

    /// Records an item that is not JSON, after `before` others, on a page with `items` items. True
    /// if another page size shows where it ends.
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
