// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAudits} from "../sol/IAudits.sol";
import {IDisputes} from "../sol/IDisputes.sol";
import {IMarket, Post} from "../sol/IMarket.sol";
import {Counting} from "./Counting.sol";
import {MarketStage} from "./MarketStage.sol";
import {vm} from "./Vm.sol";

contract MarketTest is MarketStage {
    function setUp() external {
        settle(4);
    }

    function status(uint256 job, uint16 slice) private view returns (IMarket.SliceStatus) {
        return market.getProgress(job, slice).status;
    }

    function test_an_honest_slice_goes_through_all_states_and_everyone_is_paid() external {
        uint256 job = post(standardPost(1));
        uint256 escrow = 315 ether; // (1 + 2 * 1) * 100, and 5 percent
        assert(market.getJob(job).escrow == escrow);
        start(job, 0, PROVIDER, 0.8 ether);
        bytes32 id = claim(job, 0, PROVIDER, Counting.truth());
        audit(id, 4, Counting.truth());
        assert(audits.getAudit(id).status == IAudits.AuditStatus.Done);
        pass(1 days);
        market.advance(job, 0);
        assert(status(job, 0) == IMarket.SliceStatus.Settled);
        assert(disputes.getClaim(id).status == IDisputes.ClaimStatus.Final);
        assert(lockedOf(provider(0)) == 0 && stakeOf(provider(0)) == FUNDS);
        assert(credit(provider(0)) == 80 ether);
        market.close(job);
        assert(market.getJob(job).status == IMarket.JobStatus.Closed && market.getJob(job).escrow == 0);
        uint256 paid = credit(audits.getSeat(id, 0).account) + credit(audits.getSeat(id, 1).account);
        uint256 fee = (80 ether + paid) / 20;
        assert(paid > 0 && credit(TREASURY) == fee);
        assert(credit(requester()) == FUNDS - 80 ether - paid - fee);
    }
}
