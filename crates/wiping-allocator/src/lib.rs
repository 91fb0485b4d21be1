//! An allocator that wipes small blocks before they are freed: libraries that read settings, speak TLS or parse JSON leave secrets there.
//!
//! Secrets are small. What is large is mail, and wiping it would cost time, and memory for what was reserved and never used.

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;

/// The largest block that is wiped, in bytes.
const SMALL: usize = 64 << 10;

/// Another allocator, whose small blocks are wiped before they are freed.
#[derive(Debug)]
pub struct WipingAllocator<A>(pub A);

// SAFETY: every block comes from the inner allocator and goes back to it with its own layout. `realloc` keeps the contents up to the
// smaller of the two sizes.
unsafe impl<A: GlobalAlloc> GlobalAlloc for WipingAllocator<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those of the inner allocator.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if layout.size() <= SMALL {
            // SAFETY: the block has this size, and nobody else uses it any more.
            unsafe { block.write_bytes(0, layout.size()) };
            // Without it the compiler might leave out a write that nobody reads.
            black_box(block);
        }
        // SAFETY: the block is the inner allocator's, with this layout.
        unsafe { self.0.dealloc(block, layout) };
    }

    /// A large block may grow in its place; a small one is moved, so that the old one is wiped.
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if layout.size() > SMALL {
            // SAFETY: the caller's promises are those of the inner allocator.
            return unsafe { self.0.realloc(block, layout, new_size) };
        }
        // SAFETY: the caller promises that the new size is not zero, and valid with this alignment.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(new_size, layout.align())) };
        if !new.is_null() {
            // SAFETY: both blocks have at least this size, and one is not a part of the other.
            unsafe { block.copy_to_nonoverlapping(new, layout.size().min(new_size)) };
            // SAFETY: the block is ours, with this layout, and not used any more.
            unsafe { self.dealloc(block, layout) };
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::System;
    use std::cell::RefCell;

    use super::*;

    thread_local! {
        static FREED: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    }

    /// Keeps what was in the blocks that are freed.
    struct Recorder;

    // SAFETY: it is the system's.
    unsafe impl GlobalAlloc for Recorder {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: as of the caller.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the test wrote to all of it.
            let content = unsafe { std::slice::from_raw_parts(block, layout.size()) }.to_vec();
            FREED.with_borrow_mut(|freed| freed.push(content));
            // SAFETY: as of the caller.
            unsafe { System.dealloc(block, layout) };
        }
    }

    #[test]
    fn small_blocks_are_wiped_also_when_they_grow() {
        let allocator = WipingAllocator(Recorder);
        for (size, is_wiped) in [(1, true), (100, true), (SMALL, true), (SMALL + 1, false)] {
            let layout = Layout::from_size_align(size, 8).unwrap();
            let grown = Layout::from_size_align(2 * size, 8).unwrap();
            // SAFETY: the layouts are those that the blocks have at that moment.
            let kept = unsafe {
                let block = allocator.alloc(layout);
                block.write_bytes(7, size);
                let block = allocator.realloc(block, layout, grown.size());
                let kept = std::slice::from_raw_parts(block, size).to_vec();
                block.write_bytes(7, grown.size());
                allocator.dealloc(block, grown);
                kept
            };
            assert_eq!(kept, vec![7; size], "the contents move along");
            let freed = FREED.take();
            assert_eq!(freed.len(), 2);
            assert_eq!(freed[0].iter().all(|byte| *byte == 0), is_wiped, "{size}");
            assert_eq!(freed[1].iter().all(|byte| *byte == 0), grown.size() <= SMALL, "{size}, grown");
        }
    }
}
